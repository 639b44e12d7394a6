// The lifetimes of held addresses, renewed one by one while there is nothing else to do.
//
// An address waits to be renewed at most once, with the last word about it: where the kernel is
// slow, renewals do not queue up behind one that has not returned.
#pragma once

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "agent/core/action.hpp"

namespace understudy::host {

class Renewals {
public:
    // In the loop.
    void ask(const std::vector<core::RenewAddress>& renewals);
    // Renewed after its removal, the address would be there again.
    void forget(const core::RemoveAddress& removed);

    // In the thread that changes addresses: at most `most` of those that wait, in turn.
    std::vector<core::RenewAddress> take(std::size_t most);
    bool has_more() const;

private:
    using Key = std::pair<core::InterfaceIndex, IpPrefix>;

    mutable std::mutex mutex_;
    std::map<Key, Duration> waiting_;
    Key last_;  // taken
};

}  // namespace understudy::host
