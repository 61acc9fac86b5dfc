"""The script of docs/exchange.md draws what an exported model returns: in a real browser, with a given model."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "exchange.md"
MODEL = """<script>
window.calls = [];
window.ort = {
  Tensor: class { constructor(type, data, dims) { Object.assign(this, {type, data, dims}); } },
  InferenceSession: {create: async name => ({run: async inputs => {
    calls.push({name, ...inputs});
    return {images: {dims: [1, CHANNELS, 2, 3], data: Float32Array.from({length: 6 * CHANNELS}, (_, i) => i / 25)}};
  }})},
};
</script>"""


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_script_draws_every_pixel_of_every_channel(channels, browser):
    html = re.search(r"```text\n(<canvas>.*?)```", PAGE.read_text(encoding="utf-8"), re.S)[1]
    html, replaced = re.subn(r"<script src=[^>]*></script>", MODEL.replace("CHANNELS", str(channels)), html)
    assert replaced == 1
    page = browser.new_page()
    page.set_content(html)
    page.wait_for_function("() => document.querySelector('canvas').width === 3")
    pixels = page.evaluate("() => [...document.querySelector('canvas').getContext('2d').getImageData(0, 0, 3, 2).data]")
    (call,) = page.evaluate(
        "() => calls.map(c => ({name: c.name, z: [c.z.type, c.z.dims, [...c.z.data]], y: [...c.classes.data]}))"
    )
    page.close()
    assert call["name"] == "g.onnx"
    assert call["z"][:2] == ["float32", [1, 64]]
    assert len(set(call["z"][2])) == 64
    assert call["y"] == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    value = [255 * i / 25 for i in range(6 * channels)]
    for pixel in range(6):
        shown = pixels[4 * pixel : 4 * pixel + 4]
        alpha = value[18 + pixel] if channels == 4 else 255
        assert shown[3] == pytest.approx(alpha, abs=1)
        for k in range(3):
            assert shown[k] == pytest.approx(value[pixel if channels == 1 else 6 * k + pixel], abs=2)
