#include "tests/sim/wire.hpp"

#include <algorithm>

namespace understudy::sim {

Wire::Wire(const Scenario& scenario)
    : nodes_(scenario.nodes.size()),
      latency_(scenario.cluster.latency),
      dice_(scenario.cluster.seed) {
    suffer({});
}

void Wire::suffer(const std::vector<Fault>& lasting) {
    reaches_.assign(nodes_, std::vector<bool>(nodes_, true));
    loss_ = 0;
    duplicates_ = 0;
    jitter_ = Duration{};
    for (const Fault& fault : lasting) {
        cut(fault);
        if (fault.kind == FaultKind::loss) {
            loss_ = std::max(loss_, fault.value);
        } else if (fault.kind == FaultKind::duplicate) {
            duplicates_ = std::max(duplicates_, fault.value);
        } else if (fault.kind == FaultKind::jitter) {
            jitter_ = std::max(jitter_, Duration{fault.value});
        }
    }
}

void Wire::cut(const Fault& fault) {
    const auto node = static_cast<std::size_t>(fault.node);
    const auto side = [&](std::size_t of) {
        return (static_cast<unsigned>(fault.value) >> of & 1U) != 0;
    };
    for (std::size_t a = 0; a < nodes_; ++a) {
        for (std::size_t b = 0; b < nodes_; ++b) {
            const bool is_cut = fault.kind == FaultKind::cut && a == node &&
                                b == static_cast<std::size_t>(fault.peer);
            const bool is_isolated = fault.kind == FaultKind::isolate && (a == node || b == node);
            const bool is_parted = fault.kind == FaultKind::partition && side(a) != side(b);
            if (is_cut || is_isolated || is_parted) {
                reaches_[a][b] = false;
            }
        }
    }
}

Passage Wire::carry(std::size_t from, std::size_t to) {
    Passage passage;
    if (!reaches_[from][to] || (loss_ > 0 && dice_.chance(loss_))) {
        passage.copies = 0;
        return passage;
    }
    passage.copies = duplicates_ > 0 && dice_.chance(duplicates_) ? 2 : 1;
    for (Duration& delay : passage.delays) {
        delay = latency_ + (jitter_ > Duration{} ? dice_.between(Duration{}, jitter_) : Duration{});
    }
    return passage;
}

std::vector<std::vector<bool>> Wire::clean() const {
    auto clean = reaches_;
    for (auto& row : clean) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            row[i] = row[i] && loss_ == 0;
        }
    }
    return clean;
}

}  // namespace understudy::sim
