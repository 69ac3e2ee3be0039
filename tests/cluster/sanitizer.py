"""What a sanitizer says that is no finding."""


def leak_check_failed(log):
    """gcc 12's LeakSanitizer crashed, or missed what threads of gRPC's hold."""
    return leak_check_crashed(log) or missed_threads(log)


def missed_threads(log):
    """It does not look into blocks of thread-local variables of libraries that were loaded late, so these blocks are
    lost to it: it passes over them (they come from __tls_get_addr), and tells of what only they point to. What is lost
    by a fault of ours is lost directly."""
    return "Indirect leak of" in log and "Direct leak of" not in log and "tls_get_addr" in log


def leak_check_crashed(log):
    """gcc 12's LeakSanitizer sometimes crashes on a thread of gRPC's that ends just then (its tracer reads the
    thread's freed DTLS). It has found nothing then, and says nothing else."""
    said = [line for line in log.splitlines() if "Sanitizer" in line]
    own = ("LeakSanitizer has encountered a fatal error", "HINT: LeakSanitizer does not work")
    return "Tracer caught signal" in log and all(any(text in line for text in own) for line in said)
