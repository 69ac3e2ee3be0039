"""What a sanitizer says that is no finding."""


def leak_check_crashed(log):
    """gcc 12's LeakSanitizer sometimes crashes on a thread of gRPC's that ends just then (its tracer reads the
    thread's freed DTLS). It has found nothing then, and says nothing else."""
    said = [line for line in log.splitlines() if "Sanitizer" in line]
    own = ("LeakSanitizer has encountered a fatal error", "HINT: LeakSanitizer does not work")
    return "Tracer caught signal" in log and all(any(text in line for text in own) for line in said)
