# docker build -t fashiongan .                            for a processor
# docker build --build-arg TORCH=cuda -t fashiongan .     for an NVIDIA GPU, then: docker run --gpus all ...
# docker run -p 127.0.0.1:7860:7860 -v fashiongan:/data fashiongan
FROM python:3.11-slim
ARG TORCH=cpu
COPY packages.txt /tmp/
RUN apt-get update && xargs -a /tmp/packages.txt apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 studio && install -d -o studio /data
WORKDIR /home/studio/app
COPY requirements.txt requirements-cpu.txt ./
RUN if [ "$TORCH" = cpu ]; then list=requirements-cpu.txt; else list=requirements.txt; fi \
    && pip install --no-cache-dir -r "$list"
COPY app.py train.py README.md ./
COPY fashiongan fashiongan
COPY checkpoints checkpoints
USER studio
ENV GRADIO_SERVER_NAME=0.0.0.0 FASHIONGAN_RUNS=/data/runs XDG_CACHE_HOME=/data/cache HF_HOME=/data/huggingface
VOLUME /data
EXPOSE 7860
HEALTHCHECK --start-period=60s --interval=30s --timeout=5s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
CMD ["python", "app.py"]
