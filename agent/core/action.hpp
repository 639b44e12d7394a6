// What the Node wants done: a closed list of values, carried out in order by an executor without
// opinions. The order is part of the meaning: an address is claimed before it is announced, and
// released before priority 0 is sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "agent/control/messages.hpp"
#include "agent/core/configuration.hpp"
#include "agent/core/event.hpp"
#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/time.hpp"
#include "vrrp/after.hpp"

namespace understudy::core {

// A part of Outbox::bytes.
struct BytesRange {
    std::size_t begin = 0;
    std::size_t size = 0;
};

// --- the wire ------------------------------------------------------------------------------------

// Answered by ListenerOpened or ListenerFailed, at once or later.
struct OpenListener {
    Listener listener;
};
struct CloseListener {
    Listener listener;
};

// One VRRP packet through the listener of (family, interface): protocol 112, TTL or hop limit 255,
// traffic class 0xC0, exactly this source address. Consecutive ones go out in one system call.
struct SendAdvert {
    InterfaceIndex interface = 0;
    IpAddress source;
    IpAddress destination;
    vrrp::Vrid vrid = 0;
    BytesRange payload;
    // Which of the address changes that were ordered before it have to be done first. Those of one
    // virtual router keep their order.
    vrrp::After after = vrrp::After::nothing;
};

// One broadcast gratuitous ARP request (IPv4) or one unsolicited Neighbour Advertisement to ff02::1
// with Override set (IPv6) for `address`, with `mac` as the hardware address; `router` is the
// Router flag.
struct Announce {
    InterfaceIndex interface = 0;
    MacAddress mac;
    IpAddress address;
};

// --- addresses -----------------------------------------------------------------------------------

struct AddAddress {
    InterfaceIndex interface = 0;
    IpPrefix prefix;
    Duration lease{};  // whole seconds; zero: no limit
};
// Sets the lifetime of an address that is held already.
struct RenewAddress {
    InterfaceIndex interface = 0;
    IpPrefix prefix;
    Duration lease{};
};
struct RemoveAddress {
    InterfaceIndex interface = 0;
    IpPrefix prefix;
};

// --- checks and services -------------------------------------------------------------------------

// Answered by CheckFinished, unless the prober dies.
struct RunCheck {
    std::size_t check = 0;
    std::uint32_t run = 0;
};

// It hangs: kill it and start another. Answered by ProberStarted.
struct RestartProber {};

// Through systemd or by command, within start_timeout. Answered by ServiceCommandFinished.
struct StartService {
    std::size_t service = 0;
    std::uint32_t order = 0;
};
struct StopService {
    std::size_t service = 0;
    std::uint32_t order = 0;
};

// --- hooks ---------------------------------------------------------------------------------------

// Runs a program of the operator, as script_user. Answered by HookFinished when nothing of its
// process group runs any more.
struct RunHook {
    std::uint32_t order = 0;  // never used twice
    std::string vip;
    HookKind kind = HookKind::active;
    std::vector<std::string> command;      // with all its arguments
    std::vector<std::string> environment;  // NAME=value
    Duration timeout{};
};

// --- people and programs -------------------------------------------------------------------------

struct Reply {
    ClientId client = 0;
    control::Response response;
};

// One line for the journal.
struct Log {
    LogLevel level = LogLevel::info;
    std::string text;
};

// A state change: for the journal, for those who follow the events.
struct Publish {
    control::StateEvent event;
};

// To be kept beyond the end of this process, and told again to the next one.
struct KeepMaintenance {
    bool on = false;
    std::optional<TimePoint> until;  // nothing: until it is ended
};

// Everything is released; the process ends with status 0.
struct Exit {};

using Action = std::variant<OpenListener, CloseListener, SendAdvert, Announce, AddAddress,
                            RenewAddress, RemoveAddress, RunCheck, RestartProber, StartService,
                            StopService, RunHook, Reply, Log, Publish, KeepMaintenance, Exit>;

// What one call of Node::handle() wants done. Reused: clear() keeps the memory.
struct Outbox {
    std::vector<Action> actions;
    std::vector<std::byte> bytes;         // the payloads of SendAdvert
    LogLevel log_level = LogLevel::info;  // lines below it are not written, so none is made

    void clear() {
        actions.clear();
        bytes.clear();
    }
    bool logs(LogLevel level) const { return level >= log_level; }
    std::span<const std::byte> payload(const BytesRange& range) const {
        return std::span{bytes}.subspan(range.begin, range.size);
    }
};

}  // namespace understudy::core
