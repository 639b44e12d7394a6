// What the outside tells the Node. Facts as they were seen, in the order in which they were seen;
// nothing here is a decision.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/control/messages.hpp"
#include "agent/core/configuration.hpp"
#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/time.hpp"
#include "checks/outcome.hpp"
#include "vrrp/advertisement.hpp"

namespace understudy::core {

// The kernel's number of an interface; a recreated interface has a new one.
using InterfaceIndex = int;

// --- time and life -------------------------------------------------------------------------------

// The deadline that next_deadline() named has come, or a spurious wake-up: harmless.
struct TimePassed {};

// SIGTERM or SIGINT. The Node yields, waits for a peer at most stop_timeout, releases, and emits
// Exit. The second one skips the waiting.
struct StopRequested {};

// --- the kernel ----------------------------------------------------------------------------------

struct LinkSeen {
    InterfaceIndex index = 0;
    std::string name;
    bool up = false;  // administratively up and with carrier (IFF_UP and IFF_RUNNING)
    MacAddress mac;
};
struct LinkGone {
    InterfaceIndex index = 0;
};

struct AddressSeen {
    InterfaceIndex index = 0;
    IpPrefix prefix;
    bool ours = false;       // carries understudy's address protocol number (IFA_PROTO)
    bool tentative = false;  // IPv6: duplicate address detection is not finished
    // Since its lifetime was last set (kernel time stamp); nothing if the kernel does not tell.
    std::optional<Duration> age;
    // Until the kernel removes it; nothing: held without a limit.
    std::optional<Duration> remaining;
    bool duplicate = false;  // IPv6: another machine has it: detection has failed
    // Not for what begins now: its preferred lifetime is over (RFC 4862 5.5.4), or duplicate
    // address detection still goes on and it is used all the same (RFC 4429 3.2, optimistic).
    bool deprecated = false;
    // IPv4: added after the first address of its network. IPv6: temporary (RFC 8981). One flag of
    // Linux.
    bool secondary = false;
};
struct AddressGone {
    InterfaceIndex index = 0;
    IpPrefix prefix;
};

// The host (again) reads everything from the kernel: at start, and after an overrun of the netlink
// socket. What is not seen between the two no longer exists.
struct ObservationStarted {};
struct ObservationComplete {};

// --- the wire ------------------------------------------------------------------------------------

// A raw VRRP socket on one interface for one family. One serves all VRIDs there, multicast and
// unicast.
struct Listener {
    Family family = Family::ipv4;
    InterfaceIndex interface = 0;
    bool multicast = false;  // a member of the VRRP group

    auto operator<=>(const Listener&) const = default;
};
// It receives: the socket is open and, where asked for, the kernel has confirmed the membership.
struct ListenerOpened {
    Listener listener;
};
// It could not be opened, or it broke. The Node asks again later.
struct ListenerFailed {
    Listener listener;
    std::string error;
};

// `datagram.payload` is valid only during handle().
struct DatagramReceived {
    InterfaceIndex interface = 0;
    vrrp::Datagram datagram;
};

struct SendFailed {
    InterfaceIndex interface = 0;
    Family family = Family::ipv4;
    vrrp::Vrid vrid = 0;
    std::string error;
};

// The kernel refused an AddAddress. (Success is seen as AddressSeen.)
struct AddressRefused {
    InterfaceIndex index = 0;
    IpPrefix prefix;
    bool exists = false;  // EEXIST: it is there already, put there by somebody else
    std::string error;
};

// --- checks and services -------------------------------------------------------------------------

// Numbers are places in Configuration::checks and Configuration::services, as they are when the
// Node handles the event. After a reload, whoever hosts the Node translates what was ordered before
// it, and drops what is about a check that is gone or asks something else now, or about a service
// that is gone.
struct CheckFinished {
    std::size_t check = 0;
    std::uint32_t run = 0;  // of RunCheck
    checks::Outcome outcome;
};

// The prober runs (again); what it was asked before will not be answered.
struct ProberStarted {};

// A StartService or StopService ended. For a start this does not mean that the service is ready:
// its checks say that.
struct ServiceCommandFinished {
    std::size_t service = 0;
    std::uint32_t order = 0;  // of the action
    bool done = false;
    std::string detail;  // why not
};

// --- hooks ---------------------------------------------------------------------------------------

// A RunHook ended: by itself, or killed for its time limit.
struct HookFinished {
    std::uint32_t order = 0;  // of the action
    bool done = false;        // with exit status 0
    std::string detail;       // why not
};

// --- the client ----------------------------------------------------------------------------------

using ClientId = std::uint64_t;  // never used twice

struct CommandReceived {
    ClientId client = 0;
    control::Request request;
};
struct ClientGone {
    ClientId client = 0;
};

// A reload: valid, and to be applied object by object (reload.hpp).
struct ConfigurationChanged {
    std::shared_ptr<const Configuration> configuration;  // never null
    // By name: checks that ask something else than before, services with another unit or other
    // commands. Said here and not looked at by the Node, because a journal hides what they are.
    std::vector<std::string> other_questions;
    std::vector<std::string> other_commands;
};

using Event = std::variant<TimePassed, StopRequested, LinkSeen, LinkGone, AddressSeen, AddressGone,
                           ObservationStarted, ObservationComplete, ListenerOpened, ListenerFailed,
                           DatagramReceived, SendFailed, AddressRefused, CheckFinished,
                           ProberStarted, ServiceCommandFinished, HookFinished, CommandReceived,
                           ClientGone, ConfigurationChanged>;

}  // namespace understudy::core
