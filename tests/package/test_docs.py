#!/usr/bin/python3
"""test_docs.py: the texts that are installed point at what is installed, and their commands work there."""
import re
import unittest

from scratch import free_port, run
from test_package import BUILD, Case

LINK = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")
PAGE = re.compile(r"([a-z][a-z.-]+)\(([1-8])\)")
OF_THE_SOURCES = re.compile(r"\./scripts/|\bbuild/release|\btests/|\bcpack\b|CONTRIBUTING")


class Documents(Case):
    def installed(self, *words):
        """The tree of one component, or of all."""
        run("cmake", "--install", BUILD, "--prefix", self.folder / "usr", *words)
        return self.folder / "usr"

    def texts(self, prefix):
        paths = sorted(path for path in (prefix / "share" / "doc").rglob("*.md") if path.name != "CHANGELOG.md")
        self.assertTrue(paths)
        return [(path, path.read_text(encoding="utf-8")) for path in paths]

    def test_nothing_points_outside(self):
        """Every link leads to a file that is there, and no text speaks of the tree of the sources."""
        for path, text in self.texts(self.installed()):
            for link in LINK.findall(text):
                self.assertTrue((path.parent / link).exists(), f"{path.name}: {link}")
            self.assertIsNone(OF_THE_SOURCES.search(text), path.name)

    def test_the_host_alone_points_at_itself(self):
        """Also without any other package: its links, and the man pages that it names."""
        prefix = self.installed("--component", "host")
        for path, text in self.texts(prefix):
            for link in LINK.findall(text):
                self.assertTrue((path.parent / link).exists(), f"{path.name}: {link}")
            for name, section in PAGE.findall(text):
                self.assertTrue((prefix / f"share/man/man{section}/{name}.{section}").exists(), f"{path.name}: {name}")

    def test_the_five_lines_are_true(self):
        """As a newcomer pastes them: only the ports are others."""
        prefix = self.installed()
        text = (prefix / "share/doc/raft-key-value/README.md").read_text(encoding="utf-8")
        lines = text.partition("## A cluster in five lines")[2].split("```")[1].removeprefix("sh\n")
        self.assertEqual(5, len(lines.strip().splitlines()))
        for port in ("21001", "21002", "21003"):
            lines = lines.replace(port, str(free_port()))
        first = re.search(r"--addr (\S+)", lines).group(1)
        lines = f"PATH={prefix}/bin:$PATH\ntrap 'kill $(jobs -p); wait' EXIT\n{lines}"
        said = run("bash", "-ec", lines, cwd=self.folder, RKVCTL_ENDPOINTS=first)
        self.assertRegex(said, r"\nbar\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
