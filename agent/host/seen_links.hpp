// The names and MACs of the links, as the kernel has told of them: asking for one of them could
// take a lock of the kernel.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "agent/core/event.hpp"

namespace understudy::host {

class SeenLinks {
public:
    void observe(const core::Event& event) {
        if (const auto* seen = std::get_if<core::LinkSeen>(&event)) {
            links_[seen->index] = *seen;
        } else if (const auto* gone = std::get_if<core::LinkGone>(&event)) {
            links_.erase(gone->index);
        }
    }
    // Null: there is no such link.
    const core::LinkSeen* find(core::InterfaceIndex index) const {
        const auto found = links_.find(index);
        return found == links_.end() ? nullptr : &found->second;
    }
    const core::LinkSeen* find(const std::string& name) const {
        const auto found = std::ranges::find_if(
            links_, [&](const auto& entry) { return entry.second.name == name; });
        return found == links_.end() ? nullptr : &found->second;
    }

private:
    std::map<core::InterfaceIndex, core::LinkSeen> links_;
};

}  // namespace understudy::host
