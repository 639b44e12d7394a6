// A machine in the segment without an agent, which sends what it likes in whose name it likes: a
// router of another cluster, or somebody who forges.
#pragma once

#include <optional>
#include <vector>

#include "tests/sim/scenario.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy::sim {

struct Speech {
    int priority = 0;
    Duration interval = std::chrono::seconds{1};
    std::optional<std::size_t> name_of{};  // a node; nothing: nobody's
    bool is_foreign = false;               // it lists addresses of another cluster
};

class Intruder {
public:
    Intruder(VirtualLan& lan, const Scenario& scenario) : lan_(lan), scenario_(scenario) {}

    // One advertisement for the first VIP in each family.
    void say(const Speech& speech);
    // `holder`: the node that has the first VIP, if any, and its priority. False: there is nobody
    // to send in the name of.
    bool forge(Forgery forgery, std::optional<std::size_t> holder, int priority);

private:
    void say(const Speech& speech, Family family);
    std::vector<std::byte> list_of(const Speech& speech, Family family) const;

    VirtualLan& lan_;
    const Scenario& scenario_;
    bool owner_has_spoken_ = false;  // a second time, its long interval would be believed
};

}  // namespace understudy::sim
