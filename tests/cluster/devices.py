"""Devices that get full or break while nodes write to them."""
import errno
import os
import time

from nodes import BUILD, PATIENCE


def fill(disk):
    """Not a byte is left; what is to be removed for room."""
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as out:
        for size in (1 << 20, 4096):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC
    assert os.statvfs(disk).f_bavail == 0
    return filler


class Device:
    """What storages are on. It fails for the nodes while `file` is there, at most `lasts` seconds long."""

    def __init__(self, file, folder=None):
        self.file, self.folder, self.since = file, folder, None

    def seconds(self):
        return time.monotonic() - self.since

    def heal(self):
        self.file.unlink()


class Broken(Device):
    """EIO in any folder, for nodes that start from now on (tests/support/sick.c)."""
    lasts = PATIENCE

    def __init__(self, cluster, setenv):
        super().__init__(cluster.folder / "sick")
        setenv("LD_PRELOAD", str(BUILD / "tests" / "sick.so"))
        setenv("RKV_SICK", str(self.file))

    def fall(self, after, folder):
        """Takes `after` bytes more."""
        self.since = time.monotonic()
        whole = self.file.with_suffix(".new")
        whole.write_text(f"{errno.EIO} {after} {folder}")
        whole.rename(self.file)


class Full(Device):
    """ENOSPC, on a small disk of its own."""
    lasts = 2.0

    def __init__(self, disk):
        super().__init__(disk / "filler", disk)

    def fall(self, after, _folder):
        self.since = time.monotonic()
        filler = fill(self.folder)
        os.truncate(filler, max(0, filler.stat().st_size - after))
