// Ends the silence of agent/host/arp_quiet.hpp from within the loop.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "agent/host/file_descriptor.hpp"

namespace understudy::host {

// One socket and its messages for the life of the agent. The obvious way costs 10 to 30 ms before
// each announcement: libnftables reads files, and the kernel waits until every processor has let go
// of what was changed (synchronize_rcu) when such a socket is closed, or a change is refused.
class QuietFlush {
public:
    // Without nf_tables in the kernel there is no silence, and flush() does nothing.
    QuietFlush();

    // This node claims addresses: whatever silence a rival has caused is over, in both families,
    // when this returns. Asks first, which takes no lock and 0.05 ms; mostly there is none.
    void flush();

private:
    struct OfFamily {
        std::vector<std::byte> question;  // what is in the set?
        std::vector<std::byte> flush;
    };
    void send(const std::vector<std::byte>& messages);
    bool finds_an_element();

    FileDescriptor socket_;
    std::array<OfFamily, 2> families_;  // each may lack its table
    std::vector<std::byte> answer_;
};

}  // namespace understudy::host
