"""Short forms of the moves between storages that soak.sh makes at length, and devices that fail in the midst of one."""
import pytest

import swaps
from devices import Broken, Full
from pace import SLOW
from places import DURABLE, LMDB, MEM, ROCKS, WAL

SEED = 1

needs_all = pytest.mark.skipif(len(DURABLE) < 3, reason="not all storages are built here")


@needs_all
def test_live_to_each_storage_and_from_each(cluster):
    """As leader and as follower in turns, to memory and back as well."""
    counted = swaps.pairs(cluster, SEED, [WAL, ROCKS, LMDB, MEM, WAL], None)
    assert counted["moved"] == 4 and counted["led"] >= 2


@needs_all
@pytest.mark.long
def test_live_the_other_way_round(cluster):
    counted = swaps.pairs(cluster, SEED, [MEM, LMDB, ROCKS, WAL, MEM], None)
    assert counted["moved"] == 4 and counted["led"] >= 2


@needs_all
def test_offline_to_lmdb_and_back(cluster):
    """What test_storage_copy.py has not."""
    swaps.copies(cluster, SEED, [WAL, LMDB, ROCKS] if SLOW else [WAL, LMDB, ROCKS, LMDB, WAL])


def test_all_three_one_after_another(cluster):
    assert swaps.all_in_turn(cluster, SEED)["moved"] == 3


def test_killed_while_it_moves(cluster):
    """kill -9: it stands on the old storage or on the new one, never on both, never on none."""
    counted = swaps.killed(cluster, 2 if SLOW else 5, SEED)
    assert counted["acknowledged"] > 40


# What stands on a device of the old storage does as it does without a move; one of the new storage ends the move.


@pytest.mark.slow
def test_a_device_is_full_while_it_moves(disk, cluster):
    swaps.failing(cluster, SEED, Full(disk), 4)


@pytest.mark.slow
def test_a_device_breaks_while_it_moves(cluster, monkeypatch):
    counted = swaps.failing(cluster, SEED, Broken(cluster, monkeypatch.setenv), 4)
    assert counted.get("ended_before", 0) + counted.get("ended_after", 0) >= 1
