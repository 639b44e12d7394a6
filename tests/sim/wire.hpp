// What becomes of datagrams between the nodes while faults of the network last.
#pragma once

#include <vector>

#include "tests/sim/random.hpp"
#include "tests/sim/scenario.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy::sim {

class Wire {
public:
    explicit Wire(const Scenario& scenario);

    // Those that last now; those of other kinds are passed over.
    void suffer(const std::vector<Fault>& lasting);
    Passage carry(std::size_t from, std::size_t to);

    // [from][to]: every datagram arrives, within slowest().
    std::vector<std::vector<bool>> clean() const;
    Duration slowest() const { return latency_ + jitter_; }

private:
    void cut(const Fault& fault);

    std::size_t nodes_;
    Duration latency_;
    Random dice_;
    std::vector<std::vector<bool>> reaches_;
    int loss_ = 0;        // percent
    int duplicates_ = 0;  // percent
    Duration jitter_{};
};

}  // namespace understudy::sim
