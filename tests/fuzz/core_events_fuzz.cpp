// Any history into the real Node: links, addresses, datagrams, answers, requests and time, with a
// kernel that does what the Node asks for. Rules (core_rules.hpp) judge what comes back.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <string>
#include <vector>

#include "agent/core/hooks.hpp"
#include "base/ensure.hpp"
#include "base/overloaded.hpp"
#include "tests/fuzz/core_configuration.hpp"
#include "tests/fuzz/core_kernel.hpp"
#include "tests/fuzz/core_rules.hpp"
#include "tests/fuzz/core_trace.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace understudy;
using namespace understudy::fuzz;
using namespace std::chrono_literals;

// To understand a finding: CORE_EVENTS_TRACE=1 build/fuzz/bin/core_events_fuzz FILE
const bool traced = std::getenv("CORE_EVENTS_TRACE") != nullptr;

constexpr std::size_t most_steps = 400;
// The Node waits a second for the kernel to show what was asked for, and then believes its eyes.
constexpr Duration longest_delay = 500ms;
constexpr int most_rounds_at_once = 8;
// A history of hours with an interval of 10 ms would take as long as it sounds.
constexpr int most_deadlines_to_the_end = 1000;

class Scene {
public:
    explicit Scene(Input& input)
        : input_(input),
          configuration_(configuration_of(input)),
          rules_(configuration_),
          node_(configuration_, now_) {
        begin();
    }

    void run() {
        for (std::size_t i = 0; i < most_steps && !input_.is_over() && !rules_.exited(); ++i) {
            step();
        }
        end();
    }

private:
    void begin();
    void step();
    void step_of_the_network(std::size_t kind);
    void step_of_health(std::size_t kind);
    void step_from_nowhere(std::size_t kind);
    void end();
    void go_on_until(TimePoint latest);

    void feed(const core::Event& event);
    void handle(const core::Event& event);
    void carry_out(const core::Action& action);
    void answer_listener(const core::Listener& listener);
    void pass_time();
    void advance(TimePoint to);
    void move_clock(TimePoint to);
    void tell(std::size_t most);

    IpPrefix prefix();
    core::InterfaceIndex interface();
    IpAddress router(Family family);
    void change_link();
    void send_datagram(bool mutated);
    void ask();

    Input& input_;
    TimePoint now_{1000s};
    TimePoint told_ = now_;  // when the Node knew all that the kernel had
    core::Configuration configuration_;
    Rules rules_;
    core::Node node_;
    Kernel kernel_;
    core::Outbox out_;
    std::deque<core::Event> pending_;
    std::vector<core::RunCheck> runs_;
    std::vector<core::Event> orders_;  // as they will be answered
    std::vector<core::Listener> late_sockets_;
    core::InterfaceIndex next_index_ = 4;
    core::ClientId next_client_ = 1;
    std::size_t sockets_ = 0;  // how they are answered
};

// --- the world -----------------------------------------------------------------------------------

void Scene::begin() {
    kernel_.links[2] = {"eth0", true, {{2, 0, 0, 0, 0, 1}}};
    kernel_.links[3] = {"eth1", true, {{2, 0, 0, 0, 0, 2}}};
    const std::uint8_t without = input_.byte();  // what is missing at the start
    for (const core::InterfaceIndex index : {2, 3}) {
        const auto bit = static_cast<unsigned>(index - 2);
        if ((without >> bit & 1U) == 0) {
            kernel_.put(now_, {index, {IpAddress::v4(192, 0, 2, 1), 24}}, {});
        }
        if ((without >> (2 + bit) & 1U) == 0) {
            kernel_.put(now_, {index, {*IpAddress::parse("fe80::1"), 64}}, {});
        }
    }
    if ((without & 16U) != 0) {  // a former run left something, just now
        for (const core::VipSettings& vip : configuration_.vips) {
            const core::VirtualAddress& address = vip.addresses.front();
            kernel_.put(now_, {address.interface == "eth0" ? 2 : 3, address.prefix},
                        Kernel::Held{.ours = true, .renewed = {}, .expires = {}});
        }
    }
    now_ += input_.pick<Duration>({0s, 1ms, 100ms, 10s});
    for (const core::Event& event : kernel_.dump(now_)) {
        feed(event);
    }
}

// One event after the other, as the loop of the host does it.
void Scene::feed(const core::Event& event) {
    handle(event);
    while (!pending_.empty()) {
        const core::Event next = std::move(pending_.front());
        pending_.pop_front();
        handle(next);
    }
}

void Scene::handle(const core::Event& event) {
    if (rules_.exited()) {
        return;
    }
    const auto due = node_.next_deadline();
    const bool in_time = !due || *due >= now_;
    out_.clear();
    rules_.told(now_, event);
    if (traced) {
        trace(now_, event);
    }
    node_.handle(now_, event, out_);
    if (traced) {
        trace(out_);
    }
    rules_.check(out_);
    const auto next = node_.next_deadline();
    ensure(!in_time || !next || *next >= now_, "no deadline is in the past");
    for (const core::Action& action : out_.actions) {
        carry_out(action);
    }
}

void Scene::carry_out(const core::Action& action) {
    std::visit(
        Overloaded{
            [&](const core::AddAddress& a) {
                if (const auto refused = kernel_.carry_out(now_, a)) {
                    pending_.emplace_back(*refused);
                }
            },
            [&](const core::RenewAddress& a) { kernel_.carry_out(now_, a); },
            [&](const core::RemoveAddress& a) { kernel_.carry_out(a); },
            [&](const core::OpenListener& a) { answer_listener(a.listener); },
            [&](const core::RunCheck& a) { runs_.push_back(a); },
            [&](const core::StartService& a) {
                orders_.emplace_back(core::ServiceCommandFinished{a.service, a.order, true, ""});
            },
            [&](const core::StopService& a) {
                orders_.emplace_back(core::ServiceCommandFinished{a.service, a.order, true, ""});
            },
            [&](const core::RunHook& a) {
                orders_.emplace_back(core::HookFinished{a.order, true, ""});
            },
            [](const auto&) {},
        },
        action);
}

void Scene::answer_listener(const core::Listener& listener) {
    switch (sockets_) {
        case 0:
            pending_.emplace_back(core::ListenerOpened{listener});
            break;
        case 1:
            pending_.emplace_back(core::ListenerFailed{listener, "refused"});
            break;
        default:
            late_sockets_.push_back(listener);
            break;
    }
}

// --- time ----------------------------------------------------------------------------------------

void Scene::pass_time() {
    for (int round = 0;; ++round) {
        feed(core::TimePassed{});
        const auto next = node_.next_deadline();
        if (rules_.exited() || !next || *next > now_) {
            return;
        }
        ensure(round < most_rounds_at_once, "time that has passed is over");
    }
}

void Scene::advance(TimePoint to) {
    move_clock(to);
    pass_time();
}

void Scene::move_clock(TimePoint to) {
    for (int i = 0; i < most_rounds_at_once && to - told_ > longest_delay; ++i) {
        tell(kernel_.untold.size());  // which may lead to more
    }
    now_ = std::max(now_, to);
    kernel_.expire(now_);
}

void Scene::tell(std::size_t most) {
    for (std::size_t i = 0; i < most && !kernel_.untold.empty(); ++i) {
        const core::Event event = std::move(kernel_.untold.front());
        kernel_.untold.pop_front();
        feed(event);
    }
    told_ = kernel_.untold.empty() ? now_ : told_;
}

void Scene::go_on_until(TimePoint latest) {
    for (int i = 0; i < most_deadlines_to_the_end && !rules_.exited(); ++i) {
        const auto next = node_.next_deadline();
        if (!next || *next > latest) {
            break;
        }
        advance(*next);
        tell(kernel_.untold.size());
    }
}

// Whatever happened before: who is asked to stop does, and in time.
void Scene::end() {
    if (rules_.exited()) {
        return;
    }
    tell(kernel_.untold.size());
    feed(core::StopRequested{});
    TimePoint latest = now_ + configuration_.agent.stop_timeout;
    for (const core::ServiceSettings& service : configuration_.services) {
        latest += service.stop_timeout;
    }
    // One that runs, on_release, and another one of each VIP; a peer's on_promote.
    Duration hooks{};
    for (const core::VipSettings& vip : configuration_.vips) {
        hooks += vip.hooks.any() ? 5 * (vip.hooks.timeout + core::hook_grace) : Duration{};
    }
    go_on_until(latest + hooks);
    advance(latest + hooks);
    // That may have been a long sleep, after which on_release still runs.
    go_on_until(latest + 2 * hooks);
    ensure(rules_.exited(), "it has stopped within its time");
}

IpPrefix Scene::prefix() {
    const auto& vip = configuration_.vips[input_.below(configuration_.vips.size())];
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

core::InterfaceIndex Scene::interface() {
    return input_.pick<core::InterfaceIndex>({2, 3, next_index_ - 1, 0, -1, 77});
}

IpAddress Scene::router(Family family) {
    const std::uint8_t last = input_.pick<std::uint8_t>({2, 3, 200, 1});
    return family == Family::ipv4 ? IpAddress::v4(192, 0, 2, last)
                                  : *IpAddress::parse("fe80::" + std::to_string(last));
}

void Scene::change_link() {
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

void Scene::send_datagram(bool mutated) {
    const core::VipSettings& vip = configuration_.vips[input_.below(configuration_.vips.size())];
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
    feed(event);
}

void Scene::ask() {
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
    feed(core::CommandReceived{next_client_++, requests.at(input_.below(requests.size()))});
}

void Scene::step() {
    const std::size_t kind = input_.below(32);
    if (kind < 6) {  // on time
        for (std::size_t i = 0; i <= kind; ++i) {
            if (const auto next = node_.next_deadline()) {
                advance(*next);
                tell(kernel_.untold.size());
            }
        }
    } else if (kind < 8) {  // late, or too early
        advance(now_ + input_.pick<Duration>({0s, 1us, 1ms, 10ms, 300ms, 1s, 5s, 1min, 3h, 48h}));
    } else if (kind == 8) {  // nobody looks at the clock
        move_clock(now_ + input_.pick<Duration>({1us, 1ms, 5ms, 100ms, 2s, 1h}));
    } else if (kind < 20) {
        step_of_the_network(kind);
    } else if (kind < 27) {
        step_of_health(kind);
    } else {
        step_from_nowhere(kind);
    }
}

void Scene::step_of_the_network(std::size_t kind) {
    switch (kind) {
        case 9:
        case 10:
            tell(kind == 9 ? 1 : kernel_.untold.size());
            break;
        case 11:
            change_link();
            break;
        case 12:
            kernel_.put(now_, {input_.flag() ? 3 : 2, prefix()},
                        Kernel::Held{.tentative = input_.rarely(), .renewed = {}, .expires = {}});
            break;
        case 13:
            kernel_.remove({input_.flag() ? 3 : 2, prefix()});
            break;
        case 14:
            for (const core::Event& event : kernel_.dump(now_)) {
                feed(event);
            }
            break;
        case 15:
            kernel_.refuses = !kernel_.refuses;
            sockets_ = input_.below(3);
            break;
        case 16:
            send_datagram(true);
            break;
        default:
            send_datagram(false);
            break;
    }
}

void Scene::step_of_health(std::size_t kind) {
    checks::Outcome outcome;
    outcome.passed = input_.flag();
    outcome.detail = "seen";
    if (input_.rarely()) {
        outcome.weight = input_.pick({-253, -1, 0, 253});
    }
    if (kind < 23) {
        // The prober answers everything in the same way.
        for (const core::RunCheck& run : std::exchange(runs_, {})) {
            feed(core::CheckFinished{run.check, run.run, outcome});
        }
    } else if (kind == 23) {
        if (!runs_.empty()) {
            const core::RunCheck run = runs_.back();
            runs_.pop_back();
            feed(core::CheckFinished{run.check, run.run, outcome});
        }
    } else if (kind == 24) {
        runs_.clear();
        feed(core::ProberStarted{});
    } else if (!orders_.empty()) {
        core::Event answer = std::move(orders_.back());
        orders_.pop_back();
        if (auto* finished = std::get_if<core::ServiceCommandFinished>(&answer)) {
            finished->done = outcome.passed;
        }
        if (auto* finished = std::get_if<core::HookFinished>(&answer)) {
            finished->done = outcome.passed;
        }
        feed(answer);
    }
}

// What nobody asked for, and what people do.
void Scene::step_from_nowhere(std::size_t kind) {
    const core::Listener listener{input_.pick({Family::ipv4, Family::ipv6}), 2, input_.flag()};
    if (kind < 29) {
        ask();
    } else if (kind == 29) {
        feed(core::ClientGone{1 + input_.below(static_cast<std::size_t>(next_client_) % 200 + 1)});
    } else if (kind == 30) {
        switch (input_.below(6)) {
            case 0:
                feed(core::StopRequested{});
                break;
            case 1:
                feed(core::ListenerFailed{listener, "broken"});
                break;
            case 2:
                feed(core::ListenerOpened{listener});
                break;
            case 3:
                feed(core::SendFailed{interface(), listener.family, 51, "no route"});
                break;
            case 4:
                feed(core::AddressRefused{interface(), prefix(), input_.flag(), "refused"});
                break;
            default:
                feed(core::AddressGone{interface(), prefix()});
                break;
        }
    } else {
        const std::size_t number = input_.byte();
        const std::uint32_t run = input_.rarely() ? input_.number() : input_.byte();
        feed(core::CheckFinished{number, run, {}});
        feed(core::ServiceCommandFinished{number, run, input_.flag(), "unasked"});
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input{std::span{data, size}};
    Scene{input}.run();
    return 0;
}
