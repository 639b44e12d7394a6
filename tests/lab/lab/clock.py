"""One clock for everything in the lab: CLOCK_BOOTTIME in microseconds, the agents' own."""
import time


def now_us():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def realtime_offset_us():
    """What turns a CLOCK_REALTIME stamp (as packets carry it) into this clock's."""
    return now_us() - time.time_ns() // 1000
