// When this agent last advertised each virtual router, in memory that outlives it.
//
// The next agent adopts the addresses of a dead one while no standby can have taken over, which
// depends on the last advertisement. The kernel's time stamps of the addresses do not tell it: they
// are set by renewals, which the kernel may carry out long after they were asked for, even when the
// process is dead. A file in the runtime directory that is mapped into memory does, and writing to
// it is a store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "agent/core/event.hpp"
#include "base/time.hpp"

namespace understudy::host {

class AdvertTimes {
public:
    // Reads what the former agent has left in `runtime_dir`, and begins anew. Where that cannot be
    // (a full or read-only file system), nothing is known afterwards.
    explicit AdvertTimes(const std::filesystem::path& runtime_dir);
    ~AdvertTimes();
    AdvertTimes(const AdvertTimes&) = delete;
    AdvertTimes& operator=(const AdvertTimes&) = delete;

    // At the end, when nothing is left that the next agent could adopt.
    void remove() const;

    void sent(core::InterfaceIndex interface, vrrp::Vrid vrid, TimePoint at);
    // By the former agent, since this boot of the machine.
    std::optional<TimePoint> former(core::InterfaceIndex interface, vrrp::Vrid vrid) const;

private:
    using Router = std::pair<core::InterfaceIndex, vrrp::Vrid>;
    struct Content;

    void read();
    void map();

    std::filesystem::path path_;
    std::map<Router, TimePoint> former_;
    std::map<Router, std::size_t> places_;
    Content* content_ = nullptr;
};

}  // namespace understudy::host
