"""Processes forked from one that has imported torch and the package: they start at once, and die as others do."""

import multiprocessing
import os
import runpy
import subprocess
import sys

IMPORTED = ("pytest", "tqdm", "torchvision", "fashiongan.cli.train", "fashiongan.training.run_folder")


def fork_context():
    """A context of multiprocessing whose server has done the slow imports; the server ends with this process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    return context


def run_script(args, cwd, env, stdout, stderr):
    """What `python ARGS` does (a script, -m or -c), in a process that is already there."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for path, stream in ((stdout, sys.stdout), (stderr, sys.stderr)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)
    import tqdm.std

    from fashiongan.data import fashion_files

    fashion_files.FIRST.add(tuple(i % 10 for i in range(16)))  # as in conftest.py
    tqdm.std.TqdmDefaultWriteLock.mp_lock = None  # a lock between processes, which a killed one would leave behind
    if args[0] == "-c":
        sys.argv = ["-c", *args[2:]]
        exec(compile(args[1], "<string>", "exec"), {"__name__": "__main__"})
    elif args[0] == "-m":
        sys.argv = args[1:]
        runpy.run_module(args[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(args)
        runpy.run_path(args[0], run_name="__main__")


class ForkedProcess:
    """`python ARGS` in a forked process, with the methods of a Popen that the tests call."""

    def __init__(self, args, cwd, streams, env):
        """`streams`: a new folder's name, for what the process prints."""
        streams.mkdir(parents=True)
        self.stdout, self.stderr = streams / "stdout", streams / "stderr"
        words = [str(a) for a in args]
        for name in ("PYTHONPATH", "OMP_NUM_THREADS"):  # what the server itself needs, once
            os.environ.setdefault(name, env[name])
        self.process = fork_context().Process(target=run_script, args=(words, cwd, env, self.stdout, self.stderr))
        self.process.start()

    def poll(self):
        return self.process.exitcode

    @property
    def returncode(self):
        return self.process.exitcode

    def kill(self):
        self.process.kill()

    def wait(self, timeout=None):
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired("a forked Python", timeout)

    def communicate(self, timeout=None):
        """(standard output, standard error), once the process has ended."""
        self.wait(timeout)
        return tuple(path.read_text(encoding="utf-8") if path.exists() else "" for path in (self.stdout, self.stderr))
