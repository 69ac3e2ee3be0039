#!/usr/bin/python3
"""test_package.py: what `cmake --install` and `cpack -G DEB` give a user, and whether it works where it lands."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from scratch import BUILD, ROOT, free_port, install, run, serves_durably, tree

PLUGINS = {path.stem for path in (BUILD / "plugins").glob("*.so")}
TOOLS = {"bin/rkv-contract", "share/man/man1/rkv-contract.1"} if (BUILD / "rkv-contract").exists() else set()
HOST = {"bin/raft-key-value", "bin/rkvctl", "share/man/man1/raft-key-value.1", "share/man/man1/rkvctl.1",
        "share/man/man5/raft-key-value.conf.5", "share/doc/raft-key-value/README.md",
        "share/doc/raft-key-value/security.md", "share/doc/raft-key-value/clients.md"}
DEV = {"lib/pkgconfig/rkv.pc", "lib/pkgconfig/rkv-storage-parts.pc", "lib/librkv-storage-parts.a",
       "lib/cmake/rkv/rkvConfig.cmake",
       "lib/cmake/rkv/rkvConfigVersion.cmake", "lib/cmake/rkv/rkvTargets.cmake", "share/man/man7/rkv-plugin.7",
       "share/doc/raft-key-value/writing-a-plugin.md",
       "share/raft-key-value/skeletons/storage/storage-mem.c",
       "share/raft-key-value/skeletons/durable-storage/storage-file.c",
       "share/raft-key-value/skeletons/stacked-storage/storage-sealed.c",
       "share/raft-key-value/skeletons/transport/link.c",
       "share/raft-key-value/skeletons/state-machine/sm-register.c"} | TOOLS
HEADERS = {f"include/rkv/{path.name}" for path in (ROOT / "core" / "include" / "rkv").iterdir()}
HEADERS |= {f"include/rkv-storage/storage-parts/{path.name}" for path in (ROOT / "libs" / "storage-parts").glob("*.h")}
EXAMPLES = {f"share/doc/raft-key-value/examples/{path.relative_to(folder)}"
            for folder, kinds in ((ROOT / "conf", {".ini"}), (ROOT / "examples", {".py", ".go", ".rs"}))
            for path in folder.rglob("*") if path.suffix in kinds}


class Case(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory(prefix="rkv-package-")
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)


class Installed(Case):
    def test_tree_is_whole_and_can_be_moved(self):
        """Every promised file is there; the moved server finds its plugins by itself and serves."""
        prefix = install(self.folder, "moved here")
        plugins = {f"lib/raft-key-value/plugins/{name}.so" for name in PLUGINS}
        self.assertEqual(set(), (HOST | DEV | HEADERS | EXAMPLES | plugins) - tree(prefix))
        listed = {line.split()[1] for line in run(prefix / "bin" / "raft-key-value", "plugins").splitlines()[1:]}
        self.assertEqual(PLUGINS, listed)
        self.assertTrue(serves_durably(prefix, self.folder))

    def test_nothing_names_the_build(self):
        """No text that is installed knows where it was built or installed first."""
        prefix = install(self.folder, "moved here")
        for path in sorted(prefix.rglob("*")):
            if path.is_file() and path.parent.name not in ("bin", "plugins"):
                text = path.read_bytes()
                for place in (ROOT, BUILD, self.folder):
                    self.assertNotIn(str(place).encode(), text, path)

    def test_pages_that_programs_name_are_there(self):
        """What a program or plugin tells people to read is installed, under the name that it gives."""
        prefix = install(self.folder, "moved here")
        named = set()
        for path in [*(prefix / "bin").iterdir(), *(prefix / "lib" / "raft-key-value" / "plugins").iterdir()]:
            texts = path.read_bytes()
            self.assertEqual([], re.findall(rb"\bdocs/[\w-]+\.md", texts), f"{path} names a file of the sources")
            named |= set(re.findall(rb"\bshare/doc/[\w./-]*\w", texts))
        self.assertIn(b"share/doc/raft-key-value/security.md", named)
        self.assertEqual(set(), {page.decode() for page in named} - tree(prefix))


class Packed(Case):
    def field(self, package, name):
        return run("dpkg-deb", "-f", package, name).strip()

    def pack(self):
        """The packages by name."""
        run("cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", self.folder / "packed")
        return {self.field(path, "Package"): path for path in (self.folder / "packed").glob("*.deb")}

    def check_package(self, name, path):
        """What Debian wants of every package."""
        listing = run("dpkg-deb", "-c", path)
        for needed in ("copyright", "changelog.gz", "changelog.Debian.gz"):
            self.assertIn(f" ./usr/share/doc/{name}/{needed}\n", listing)
        for line in listing.splitlines():
            self.assertIn(" root/root ", line)
            mode, file = line.split()[0], line.split()[-1]
            if mode[0] != "l":
                self.assertIn(mode, ("drwxr-xr-x", "-rwxr-xr-x") if mode[3] == "x" else ("-rw-r--r--",), line)
            self.assertTrue("/man/" not in file or file.endswith((".gz", "/")), line)
        for field in ("Maintainer", "Section", "Version", "Architecture", "Description"):
            self.assertTrue(self.field(path, field), f"{name}: {field}")
        self.assertGreater(len(self.field(path, "Description").splitlines()), 1, name)

    def test_packages(self):
        """Each component is a package that depends on what it uses; unpacked together they serve."""
        packages = self.pack()
        plugins = {f"raft-key-value-plugin-{name}" for name in PLUGINS}
        self.assertEqual({"raft-key-value", "raft-key-value-dev"} | plugins, set(packages))
        for name, path in packages.items():
            self.check_package(name, path)
            run("dpkg", "-x", path, self.folder / "root")
            if name != "raft-key-value-dev":
                self.assertRegex(self.field(path, "Depends"), r"libc6 \(>= ")
        for name in plugins:
            self.assertIn("rkv-abi-1", self.field(packages[name], "Depends"))
        self.assertEqual("rkv-abi-1", self.field(packages["raft-key-value"], "Provides"))
        self.assertIn("libgrpc", self.field(packages["raft-key-value-plugin-transport-grpc"], "Depends"))
        dev = self.folder / "root" / "usr" / "share" / "doc" / "raft-key-value-dev"
        self.assertIn("# Writing a plugin", (dev / "writing-a-plugin.md").read_text(encoding="utf-8"))
        for word in ("gcc", "make", "pkgconf"):  # of the skeletons' Makefile
            self.assertIn(word, self.field(packages["raft-key-value-dev"], "Recommends"))
        self.assertTrue(serves_durably(self.folder / "root" / "usr", self.folder))


class Pages(Case):
    def paste(self, section):
        """The commands of a section of README.md, as a newcomer pastes them: only the ports are others."""
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        lines = text.partition(f"## {section}\n")[2].split("```")[1].removeprefix("sh\n")
        conf = self.folder / "conf"
        shutil.copytree(ROOT / "conf", conf, dirs_exist_ok=True)
        for port in ("21001", "21002", "21003"):
            free = str(free_port())
            lines = lines.replace(port, free)
            for file in conf.rglob("*.ini"):
                file.write_text(file.read_text(encoding="utf-8").replace(port, free), encoding="utf-8")
        first = re.search(r"127\.0\.0\.1:\d+", lines).group(0)
        lines = "exec 2>&1; trap 'kill $(jobs -p); wait' EXIT\n" + lines.replace("build/release", str(BUILD))
        return run("bash", "-ec", lines, cwd=self.folder, RKVCTL_ENDPOINTS=first)

    def test_readme_cluster_is_true(self):
        self.assertRegex(self.paste("A cluster in five lines"), r"\nbar\n")

    def test_readme_split_is_true(self):
        said = self.paste("See an append being split")
        self.assertRegex(said, r"INFO grpc split peer=2 entries=\d+ bytes=\d+ limit=1024 parts=\d+ times=1\n")
        self.assertRegex(said, r"INFO grpc part peer=2 part=1/\d+ from=\d+ to=\d+ bytes=\d+\n")

    def test_manual_is_true(self):
        """The man pages are clean mdoc and name every option that the programs know."""
        done = subprocess.run(("/usr/bin/python3", ROOT / "tests/package/man.py", BUILD), capture_output=True,
                              text=True, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))


if __name__ == "__main__":
    unittest.main(verbosity=2)
