// Any history into the real Node: links, addresses, datagrams, answers, requests, reloads and time,
// with a kernel that does what the Node asks for. Rules (core_rules.hpp) judge what comes back.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "tests/fuzz/core_configuration.hpp"
#include "tests/fuzz/core_reload.hpp"
#include "tests/fuzz/core_scene.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace understudy;
using namespace understudy::fuzz;
using namespace std::chrono_literals;

constexpr std::size_t most_steps = 400;

class History {
public:
    explicit History(Input& input)
        : input_(input), first_(configuration_of(input)), scene_(first_) {
        begin();
    }

    void run() {
        for (std::size_t i = 0; i < most_steps && !input_.is_over() && !scene_.exited(); ++i) {
            step();
        }
        scene_.end();
    }

private:
    void begin();
    void step();
    void step_in_time(std::size_t kind);
    void step_of_the_network(std::size_t kind);
    void step_of_health(std::size_t kind);
    void step_from_nowhere(std::size_t kind);

    const core::VipSettings& any_vip();
    IpPrefix prefix();
    core::InterfaceIndex interface();
    IpAddress router(Family family);
    void put_address();
    void change_link();
    void send_datagram(bool mutated);
    void ask();
    void deny();

    Input& input_;
    const core::Configuration first_;
    Scene scene_;
    Kernel& kernel_ = scene_.kernel;
    core::InterfaceIndex next_index_ = 4;
    core::ClientId next_client_ = 1;
};

// --- the world -----------------------------------------------------------------------------------

void History::begin() {
    kernel_.links[2] = {"eth0", true, {{2, 0, 0, 0, 0, 1}}};
    kernel_.links[3] = {"eth1", true, {{2, 0, 0, 0, 0, 2}}};
    const std::uint8_t without = input_.byte();  // what is missing at the start
    for (const core::InterfaceIndex index : {2, 3}) {
        const auto bit = static_cast<unsigned>(index - 2);
        if ((without >> bit & 1U) == 0) {
            kernel_.put(scene_.now(), {index, {IpAddress::v4(192, 0, 2, 1), 24}}, {});
        }
        if ((without >> (2 + bit) & 1U) == 0) {
            kernel_.put(scene_.now(), {index, {*IpAddress::parse("fe80::1"), 64}}, {});
        }
    }
    if ((without & 16U) != 0) {  // a former run left something, just now
        for (const core::VipSettings& vip : scene_.configuration().vips) {
            const core::VirtualAddress& address = vip.addresses.front();
            kernel_.put(scene_.now(), {address.interface == "eth0" ? 2 : 3, address.prefix},
                        Kernel::Held{.ours = true, .renewed = {}, .expires = {}});
        }
    }
    scene_.begin(input_.pick<Duration>({0s, 1ms, 100ms, 10s}));
}

const core::VipSettings& History::any_vip() {
    const auto& vips = scene_.configuration().vips;
    return vips[input_.below(vips.size())];
}

IpPrefix History::prefix() {
    const auto& vip = any_vip();
    IpPrefix prefix = vip.addresses[input_.below(vip.addresses.size())].prefix;
    switch (input_.below(4)) {
        case 0:
            return {IpAddress::v4(192, 0, 2, 1), 24};
        case 1:
            prefix.length = 25;
            return prefix;
        default:
            return prefix;
    }
}

core::InterfaceIndex History::interface() {
    return input_.pick<core::InterfaceIndex>({2, 3, next_index_ - 1, 0, -1, 77});
}

IpAddress History::router(Family family) {
    const std::uint8_t last = input_.pick<std::uint8_t>({2, 3, 200, 1});
    return family == Family::ipv4 ? IpAddress::v4(192, 0, 2, last)
                                  : *IpAddress::parse("fe80::" + std::to_string(last));
}

void History::put_address() {
    const Kernel::Key key{input_.flag() ? 3 : 2, prefix()};
    const std::uint8_t flags = input_.byte();
    Kernel::Held held;
    held.tentative = flags >= 240;
    held.duplicate = flags >= 224 && !held.tentative;
    held.deprecated = (flags & 1U) != 0;
    held.secondary = (flags & 2U) != 0;
    kernel_.put(scene_.now(), key, held);
}

void History::change_link() {
    const core::InterfaceIndex index = interface();
    const auto found = kernel_.links.find(index);
    if (found == kernel_.links.end()) {
        const bool first = std::ranges::none_of(
            kernel_.links, [](const auto& entry) { return entry.second.name == "eth0"; });
        const std::string name = first ? "eth0" : "eth" + std::to_string(next_index_);
        kernel_.set_link(next_index_++, {name, true, {{2, 0, 0, 0, 0, 3}}});
        return;
    }
    Kernel::Link link = found->second;
    switch (input_.below(4)) {
        case 0:
            link.up = !link.up;
            kernel_.set_link(index, link);
            break;
        case 1:
            link.mac.bytes[5] ^= 0x40U;
            kernel_.set_link(index, link);
            break;
        case 2:
            link.name = "was-" + link.name.substr(0, 8);
            kernel_.set_link(index, link);
            break;
        default:
            kernel_.remove_link(index);
            break;
    }
}

void History::send_datagram(bool mutated) {
    const core::VipSettings& vip = any_vip();
    vrrp::Advertisement advert;
    advert.version = input_.rarely() ? vrrp::Version::v3 : vip.version;
    advert.vrid = vip.vrid;
    advert.priority = input_.pick<vrrp::Priority>({0, 1, 16, 99, 100, 101, 200, 254, 255});
    advert.interval = input_.rarely() ? Duration{20s} : vip.advert_interval;
    const bool v6 =
        !vip.has_family(Family::ipv4) || (vip.has_family(Family::ipv6) && input_.flag());
    advert.family = v6 && advert.version == vrrp::Version::v3 ? Family::ipv6 : Family::ipv4;
    core::DatagramReceived event;
    event.interface = input_.rarely() ? interface() : vip.interface == "eth0" ? 2 : 3;
    event.datagram.source = router(advert.family);
    event.datagram.destination = vip.is_unicast() || input_.rarely()
                                     ? router(advert.family)
                                     : vrrp::multicast_group(advert.family);
    event.datagram.ttl = input_.rarely() ? input_.byte() : vrrp::required_ttl;
    const auto address = advert.family == Family::ipv4 ? vip.addresses.front().prefix.address
                                                       : vrrp::derived_link_local(vip.vrid);
    advert.addresses =
        address.family() == advert.family ? address.bytes() : event.datagram.source.bytes();
    std::array<std::byte, vrrp::largest_advertisement> room{};
    const auto form =
        input_.pick({vrrp::ChecksumForm::message_only, vrrp::ChecksumForm::pseudo_header});
    const auto written =
        vrrp::encode(advert, event.datagram.source, event.datagram.destination, form, room);
    std::vector<std::byte> payload{written.begin(), written.end()};
    if (mutated) {
        payload.resize(input_.below(payload.size() + 9));
        for (std::size_t i = input_.below(4); i > 0 && !payload.empty(); --i) {
            payload[input_.below(payload.size())] ^= std::byte{input_.byte()};
        }
        payload.shrink_to_fit();
    }
    event.datagram.payload = payload;
    scene_.feed(event);
}

void History::ask() {
    const std::string vip = input_.pick<const char*>({"", "v0", "v1", "other"});
    const Duration timeout = input_.pick<Duration>({10s, 1ms, 24h});
    const std::array<control::Request, 10> requests = {
        control::StatusRequest{vip},
        control::WhyRequest{vip},
        control::FailoverRequest{vip, timeout},
        control::TakeoverRequest{vip, input_.flag()},
        control::FailbackRequest{vip},
        control::EventsRequest{},
        control::ConfigShowRequest{},
        control::CheckListRequest{},
        control::CheckRunRequest{input_.pick<const char*>({"c0", "c1", "other"})},
        control::MaintenanceRequest{timeout < std::chrono::seconds{5}, std::nullopt, timeout}};
    scene_.feed(core::CommandReceived{next_client_++, requests.at(input_.below(requests.size()))});
}

// It is told that an address is gone, which may still be there.
void History::deny() {
    const Kernel::Key key{interface(), prefix()};
    kernel_.denied.insert(key);
    scene_.feed(core::AddressGone{key.first, key.second});
}

// Not 32 of 256 values for each: what was found before there were reloads still means the same.
void History::step() {
    const std::uint8_t choice = input_.byte();
    const std::size_t kind = choice % 32;
    if (choice >= 248) {
        scene_.reload(reloaded(input_, first_, scene_.configuration()));
    } else if (kind < 9) {
        step_in_time(kind);
    } else if (kind < 20) {
        step_of_the_network(kind);
    } else if (kind < 27) {
        step_of_health(kind);
    } else {
        step_from_nowhere(kind);
    }
}

void History::step_in_time(std::size_t kind) {
    if (kind < 6) {  // on time
        for (std::size_t i = 0; i <= kind; ++i) {
            if (const auto next = scene_.next_deadline()) {
                scene_.advance(*next);
                scene_.tell_all();
            }
        }
    } else if (kind < 8) {  // late, or too early
        scene_.advance(scene_.now() +
                       input_.pick<Duration>({0s, 1us, 1ms, 10ms, 300ms, 1s, 5s, 1min, 3h, 48h}));
    } else {  // nobody looks at the clock
        scene_.move_clock(scene_.now() + input_.pick<Duration>({1us, 1ms, 5ms, 100ms, 2s, 1h}));
    }
}

void History::step_of_the_network(std::size_t kind) {
    switch (kind) {
        case 9:
        case 10:
            scene_.tell(kind == 9 ? 1 : kernel_.untold.size());
            break;
        case 11:
            change_link();
            break;
        case 12:
            put_address();
            break;
        case 13:
            kernel_.remove({input_.flag() ? 3 : 2, prefix()});
            break;
        case 14:
            scene_.tell_anew();
            break;
        case 15:
            kernel_.refuses = !kernel_.refuses;
            scene_.sockets = input_.pick(
                {Scene::Sockets::open, Scene::Sockets::fail, Scene::Sockets::are_silent});
            break;
        case 16:
            send_datagram(true);
            break;
        default:
            send_datagram(false);
            break;
    }
}

void History::step_of_health(std::size_t kind) {
    checks::Outcome outcome;
    outcome.passed = input_.flag();
    outcome.detail = "seen";
    if (input_.rarely()) {
        outcome.weight = input_.pick({-253, -1, 0, 253});
    }
    if (kind < 23) {
        // The prober answers everything in the same way.
        for (const core::RunCheck& run : std::exchange(scene_.runs, {})) {
            scene_.feed(core::CheckFinished{run.check, run.run, outcome});
        }
    } else if (kind == 23) {
        if (!scene_.runs.empty()) {
            const core::RunCheck run = scene_.runs.back();
            scene_.runs.pop_back();
            scene_.feed(core::CheckFinished{run.check, run.run, outcome});
        }
    } else if (kind == 24) {
        scene_.runs.clear();
        scene_.feed(core::ProberStarted{});
    } else if (!scene_.orders.empty()) {
        core::Event answer = std::move(scene_.orders.back());
        scene_.orders.pop_back();
        if (auto* finished = std::get_if<core::ServiceCommandFinished>(&answer)) {
            finished->done = outcome.passed;
        }
        if (auto* finished = std::get_if<core::HookFinished>(&answer)) {
            finished->done = outcome.passed;
        }
        scene_.feed(answer);
    }
}

// What nobody asked for, and what people do.
void History::step_from_nowhere(std::size_t kind) {
    const core::Listener listener{input_.pick({Family::ipv4, Family::ipv6}), 2, input_.flag()};
    if (kind < 29) {
        ask();
    } else if (kind == 29) {
        scene_.feed(
            core::ClientGone{1 + input_.below(static_cast<std::size_t>(next_client_) % 200 + 1)});
    } else if (kind == 30) {
        switch (input_.below(6)) {
            case 0:
                scene_.feed(core::StopRequested{});
                break;
            case 1:
                scene_.feed(core::ListenerFailed{listener, "broken"});
                break;
            case 2:
                scene_.feed(core::ListenerOpened{listener});
                break;
            case 3:
                scene_.feed(core::SendFailed{interface(), listener.family, 51, "no route"});
                break;
            case 4:
                scene_.feed(core::AddressRefused{interface(), prefix(), input_.flag(), "refused"});
                break;
            default:
                deny();
                break;
        }
    } else {
        const std::size_t number = input_.byte();
        const std::uint32_t run = input_.rarely() ? input_.number() : input_.byte();
        scene_.feed(core::CheckFinished{number, run, {}});
        scene_.feed(core::ServiceCommandFinished{number, run, input_.flag(), "unasked"});
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input{std::span{data, size}};
    History{input}.run();
    return 0;
}
