// The signals that an agent obeys, read from a descriptor (signalfd(2)): with their senders.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "agent/host/file_descriptor.hpp"

namespace understudy::host {

struct Signal {
    int number = 0;
    std::string sender;  // "uid 0, pid 1234"
};

// For this thread and those that it starts: call before the first one. A blocked signal waits until
// it is read, also in process 1 of a container, to which unhandled ones are not delivered.
void block_signals();
// For a program that is executed: a blocked signal stays blocked there.
void unblock_signals();

class SignalReader {
public:
    // Blocks them. Throws std::runtime_error without a descriptor.
    SignalReader();

    int fd() const { return fd_.get(); }
    // The next one that waits.
    std::optional<Signal> read() const;

private:
    FileDescriptor fd_;
};

// Process 1 of a container becomes the parent of every process whose own parent has ended, which is
// a zombie until it is reaped. Reaps all that have ended.
void reap_children();

}  // namespace understudy::host
