#!/usr/bin/python3
"""test_asserts.py: whatever build type and flags a packager takes, asserts stay on: a node that goes on behind a broken
promise tells clients of writes that never were."""
import json
import pathlib
import shlex
import subprocess
import tempfile
import unittest

from scratch import CLEAN, PATIENCE, ROOT, run

ROOMS = ("core/", "libs/", "plugins/", "tools/")
BUILDS = (("",), ("Debug",), ("RelWithDebInfo",), ("MinSizeRel",), ("Release", "-DNDEBUG"))


def configure(folder, build_type, flags=""):
    """The compile commands of ROOMS in a build of that type, flags as a distribution gives them: in the environment."""
    run("cmake", "-S", ROOT, "-B", folder, f"-DCMAKE_BUILD_TYPE={build_type}", "-DRKV_TESTS=OFF", "-DRKV_BENCH=OFF",
        CFLAGS=flags, CXXFLAGS=flags)
    commands = json.loads((folder / "compile_commands.json").read_text())
    return [c for c in commands if c["file"].startswith(tuple(f"{ROOT}/{room}" for room in ROOMS))]


def words_of(command):
    """The compiler and its options, without the source and the object."""
    words = shlex.split(command["command"])
    at = words.index("-o")
    return words[:at] + [word for word in words[at + 2:] if word not in ("-c", command["file"])]


def compile_with(command, *more):
    return subprocess.run([*words_of(command), *more], cwd=command["directory"], env=CLEAN, capture_output=True,
                          text=True, check=False, timeout=PATIENCE)


class Asserts(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory(prefix="rkv-asserts-")
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)

    def test_no_build_turns_them_off(self):
        """What the compiler has defined before it reads a source does not hold NDEBUG."""
        for number, build in enumerate(BUILDS):
            commands = configure(self.folder / str(number), *build)
            self.assertGreater(len(commands), 100)
            for words, command in {tuple(words_of(c)): c for c in commands}.items():
                language = "c++" if command["file"].endswith(".cc") else "c"
                done = compile_with(command, "-E", "-dM", "-x", language, "/dev/null")
                self.assertEqual("", done.stderr, words)
                defined = {line.split()[1] for line in done.stdout.splitlines()}
                self.assertTrue("__VERSION__" in defined and "NDEBUG" not in defined, f"{build}: {command['file']}")

    def test_a_build_without_them_does_not_compile(self):
        """By another way than these files: the core itself refuses."""
        command = next(c for c in configure(self.folder, "Release") if c["file"].endswith("/core/node/life.c"))
        self.assertEqual(0, compile_with(command, "-fsyntax-only", command["file"]).returncode)
        refused = compile_with(command, "-DNDEBUG", "-fsyntax-only", command["file"])
        self.assertNotEqual(0, refused.returncode)
        self.assertIn("NDEBUG", refused.stderr)


if __name__ == "__main__":
    unittest.main()
