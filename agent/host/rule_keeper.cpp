#include "agent/host/rule_keeper.hpp"

#include <fmt/format.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <utility>

#include "agent/host/boot_clock.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/privileges.hpp"

namespace understudy::host {

namespace {

using core::LogLevel;

// While something is armed: how often somebody looks who has announced it, and how long the
// takeover that follows may take. It takes 2 ms (vrrp::handover_overlap).
constexpr Duration look_period = std::chrono::milliseconds{50};
constexpr Duration takeover_patience = std::chrono::milliseconds{100};
// How long a silence may go on after the last address was given away.
constexpr Duration after_silence = std::chrono::seconds{1};

constexpr std::array<std::uint8_t, 2> silencing_families = {NFPROTO_ARP, NFPROTO_IPV6};

std::uint8_t nft_family(const IpAddress& address) {
    return address.is_v4() ? NFPROTO_ARP : NFPROTO_IPV6;
}

void put(SetKey& key, const std::string& name) {
    key.resize(key.size() + IFNAMSIZ);
    std::memcpy(&key[key.size() - IFNAMSIZ], name.data(),
                std::min<std::size_t>(name.size(), IFNAMSIZ - 1));
}

SetKey key_of(const QuietPlace& place) {
    SetKey key;
    put(key, place.interface);
    const auto bytes = place.address.bytes();
    key.insert(key.end(), bytes.begin(), bytes.end());
    return key;
}

SetKey own_key_of(const QuietPlace& place) {
    SetKey key;
    put(key, place.interface);
    const auto bytes = std::as_bytes(std::span{place.own_mac.bytes});
    key.insert(key.end(), bytes.begin(), bytes.end());
    key.resize(IFNAMSIZ + 8);  // in whole words
    return key;
}

// Of a set that begins with the interface and the address.
struct Seen {
    std::string interface;
    IpAddress address;
    MacAddress mac;
};

std::optional<Seen> read_key(std::uint8_t family, const SetKey& key) {
    const std::size_t size = address_size(family == NFPROTO_ARP ? Family::ipv4 : Family::ipv6);
    if (key.size() < IFNAMSIZ + size) {
        return std::nullopt;
    }
    const auto* name = reinterpret_cast<const char*>(key.data());
    Seen seen{{name, strnlen(name, IFNAMSIZ)},
              IpAddress::from_bytes(std::span{key}.subspan(IFNAMSIZ, size)),
              {}};
    if (key.size() >= IFNAMSIZ + size + seen.mac.bytes.size()) {
        std::memcpy(seen.mac.bytes.data(), &key[IFNAMSIZ + size], seen.mac.bytes.size());
    }
    return seen;
}

// Of a set whose elements follow the configuration.
std::set<SetKey> keys_of(const std::set<std::string>& members) {
    std::set<SetKey> keys;
    for (const std::string& member : members) {
        const IpAddress address = *IpAddress::parse(member);
        keys.emplace(address.bytes().begin(), address.bytes().end());
    }
    return keys;
}

bool has_other_elements(NftSocket& nft, const RuleTable& table) {
    for (std::size_t i = 0; i < table.sets.size(); ++i) {
        if (nft.elements(table.family, table.sets[i].c_str()) != keys_of(table.members[i])) {
            return true;
        }
    }
    return false;
}

// The unit that a process belongs to; empty if it has ended, or is hidden from us.
std::string unit_of(int pid, const std::string& name) {
    const std::string process = "/proc/" + std::to_string(pid);
    std::string comm;
    std::string line;
    std::getline(std::ifstream{process + "/comm"}, comm);
    std::ifstream groups{process + "/cgroup"};
    while (comm == name && std::getline(groups, line)) {
        const auto last = line.rfind('/');
        if (last != std::string::npos && line.ends_with(".service")) {
            return line.substr(last + 1);
        }
    }
    return {};
}

std::string culprit_of(const NftWatch::Change& change) {
    if (change.process.empty()) {
        return "somebody";
    }
    const std::string unit = unit_of(change.pid, change.process);
    return fmt::format("{} (process {}{}{})", change.process, change.pid, unit.empty() ? "" : ", ",
                       unit);
}

}  // namespace

// Some in a row are put back at once, and then one in a while.
struct RuleKeeper::Pace {
    static constexpr int burst = 5;
    static constexpr Duration spacing = std::chrono::seconds{10};
    TimePoint due{};

    TimePoint ready() const { return due - (burst - 1) * spacing; }
    void count(TimePoint now) { due = std::max(now, due) + spacing; }
};

RuleKeeper::RuleKeeper(const core::Configuration& configuration)
    : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      tables_(tables_of(configuration)),
      pace_(std::make_unique<Pace>()) {
    watch_.ignore(nft_.port());
    trouble_ = status_.trouble = install_packet_rules(tables_);
    remember_parts();
    thread_ = std::thread([this] { work(); });
    pthread_setname_np(thread_.native_handle(), "us-rules");
}

RuleKeeper::~RuleKeeper() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    wake();
    if (thread_.joinable()) {
        thread_.join();
    }
}

// --- asked by others -----------------------------------------------------------------------------

std::string RuleKeeper::update(const core::Configuration& configuration) {
    const std::scoped_lock lock(rules_);
    std::vector<RuleTable> next = tables_of(configuration);
    std::string trouble = update_packet_rules(tables_, next);
    tables_ = std::move(next);
    remember_parts();
    {
        const std::scoped_lock shared(mutex_);
        trouble_ = status_.trouble = trouble;
        wanted_is_new_ = true;  // a table may have been replaced
    }
    wake();
    return trouble;
}

void RuleKeeper::remove() {
    const std::scoped_lock lock(rules_);
    tables_ = tables_of({});
    parts_.assign(tables_.size(), std::nullopt);
    remove_packet_rules();
}

void RuleKeeper::arm(std::set<QuietPlace> places) {
    silent_until_ = places.empty() ? boot_now() + after_silence : TimePoint::max();
    {
        const std::scoped_lock lock(mutex_);
        wanted_ = std::move(places);
        wanted_is_new_ = true;
    }
    wake();
}

void RuleKeeper::end_silence(const std::string& interface, const IpAddress& address) {
    {
        const std::scoped_lock lock(mutex_);
        announced_.emplace(interface, address);
    }
    wake();
}

control::PacketRulesStatus RuleKeeper::status() const {
    const std::scoped_lock lock(mutex_);
    return status_;
}

void RuleKeeper::wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto size = ::write(wake_.get(), &one, sizeof one);
}

// --- the thread ----------------------------------------------------------------------------------

void RuleKeeper::work() {
    drop_privileges();
    while (true) {
        wait(next_deadline());
        {
            const std::scoped_lock lock(mutex_);
            if (stopping_) {
                return;
            }
        }
        const TimePoint now = boot_now();
        look_for_changes();
        if (is_suspect_ && now >= pace_->ready()) {
            put_back(now);
        }
        follow_orders();
        look_for_rivals(now);
    }
}

std::optional<TimePoint> RuleKeeper::next_deadline() const {
    std::optional<TimePoint> earliest;
    if (is_suspect_) {
        earliest = pace_->ready();
    }
    if (!armed_.empty()) {
        const TimePoint look = looked_ + look_period;
        earliest = earliest ? std::min(*earliest, look) : look;
    }
    return earliest;
}

void RuleKeeper::wait(const std::optional<TimePoint>& deadline) {
    std::array<pollfd, 2> readable{{{watch_.fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    timespec time{};
    if (deadline) {
        const Duration left = std::max(*deadline - boot_now(), Duration::zero());
        const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
        time.tv_sec = seconds.count();
        time.tv_nsec = std::chrono::nanoseconds{left - seconds}.count();
    }
    ppoll(readable.data(), readable.size(), deadline ? &time : nullptr, nullptr);
    std::uint64_t count = 0;
    [[maybe_unused]] const auto size = ::read(wake_.get(), &count, sizeof count);
}

// --- what others do to the rules -----------------------------------------------------------------

void RuleKeeper::look_for_changes() {
    for (const NftWatch::Change& change : watch_.read()) {
        is_suspect_ = is_suspect_ || change.of_our_tables || change.overrun;
        if (change.of_our_tables) {
            culprit_ = culprit_of(change);
        }
    }
}

void RuleKeeper::remember_parts() {
    parts_.clear();
    for (const RuleTable& table : tables_) {
        parts_.push_back(table.rules.empty() ? std::nullopt : nft_.parts_of_table(table.family));
    }
}

// One that could not be installed is nothing that somebody has deleted.
std::vector<std::size_t> RuleKeeper::damaged_tables() {
    std::vector<std::size_t> damaged;
    for (std::size_t i = 0; i < tables_.size(); ++i) {
        if (parts_[i] && (nft_.parts_of_table(tables_[i].family) != parts_[i] ||
                          has_other_elements(nft_, tables_[i]))) {
            damaged.push_back(i);
        }
    }
    return damaged;
}

void RuleKeeper::put_back(TimePoint now) {
    std::string commands;
    std::string titles;
    std::string error;
    {
        const std::scoped_lock lock(rules_);
        for (const std::size_t i : damaged_tables()) {
            commands += removal_of(tables_[i]) + tables_[i].rules;
            titles += (titles.empty() ? "" : ", ") + tables_[i].title;
        }
        if (titles.empty()) {  // it was us
            is_suspect_ = false;
            return;
        }
        error = run_nft(commands);
        remember_parts();
    }
    is_suspect_ = !error.empty();
    pace_->count(now);
    arm_in_kernel();
    const std::string culprit = culprit_.empty() ? "somebody" : std::exchange(culprit_, {});
    {
        const std::scoped_lock lock(mutex_);
        ++status_.restored;
        status_.restored_at = now;
        status_.restored_after = culprit;
        status_.trouble = error.empty() ? trouble_ : error;
    }
    write_line(error.empty() ? LogLevel::warn : LogLevel::error,
               fmt::format("packet rules: {} changed or deleted {}: {}{}", culprit, titles,
                           error.empty() ? "restored" : "cannot restore: " + error,
                           boot_now() < pace_->ready()
                               ? "; this happens again and again, so the next time it may take 10 s"
                               : ""));
}

// --- what is armed -------------------------------------------------------------------------------

void RuleKeeper::follow_orders() {
    Places announced;
    bool rearm = false;
    {
        const std::scoped_lock lock(mutex_);
        announced.swap(announced_);
        rearm = std::exchange(wanted_is_new_, false);
        if (rearm) {
            std::erase_if(disarmed_,
                          [&](const QuietPlace& place) { return !wanted_.contains(place); });
            armed_.clear();
            std::ranges::set_difference(wanted_, disarmed_, std::inserter(armed_, armed_.end()));
        }
    }
    if (rearm) {
        arm_in_kernel();
    }
    if (!announced.empty()) {
        end_silences(announced);
    }
}

// Replaces the sets: to delete an element that is missing would be an error.
void RuleKeeper::arm_in_kernel() {
    rivals_.clear();
    const std::scoped_lock lock(rules_);
    for (const std::uint8_t family : silencing_families) {
        const auto is_installed = [&](const RuleTable& table) {
            return table.family == family && !table.rules.empty();
        };
        const auto table = std::ranges::find_if(tables_, is_installed);
        if (table == tables_.end() || !parts_[static_cast<std::size_t>(table - tables_.begin())]) {
            continue;
        }
        std::set<SetKey> armed;
        std::set<SetKey> own;
        for (const QuietPlace& place : armed_) {
            if (nft_family(place.address) == family) {
                armed.insert(key_of(place));
                own.insert(own_key_of(place));
            }
        }
        for (const char* set : {"armed", "own", "rivals"}) {
            nft_.empty_set(family, set);
        }
        nft_.add_elements(family, "armed", armed);
        nft_.add_elements(family, "own", own);
    }
    is_suspect_ = nft_.commit() != 0 || is_suspect_;  // somebody has deleted them just now
}

void RuleKeeper::look_for_rivals(TimePoint now) {
    if (armed_.empty() || now < looked_ + look_period) {
        return;
    }
    looked_ = now;
    Places in_vain;
    for (const auto& [place, mac] : rivals_of_armed()) {
        const TimePoint first = rivals_.try_emplace(place, now).first->second;
        if (now - first < takeover_patience) {
            continue;
        }
        in_vain.emplace(place.interface, place.address);
        disarmed_.insert(place);
        armed_.erase(place);
        write_line(LogLevel::warn,
                   fmt::format("{} on {}: {} announced it, and no node took it over: this node "
                               "did not answer {} for it for a moment, and does so again",
                               place.address.to_string(), place.interface, mac.to_string(),
                               place.address.is_v4() ? "ARP" : "Neighbour Solicitations"));
    }
    if (!in_vain.empty()) {
        {
            const std::scoped_lock lock(mutex_);
            status_.silenced += in_vain.size();
        }
        arm_in_kernel();
        end_silences(in_vain);
    }
}

std::vector<std::pair<QuietPlace, MacAddress>> RuleKeeper::rivals_of_armed() {
    std::vector<std::pair<QuietPlace, MacAddress>> rivals;
    const std::scoped_lock lock(rules_);
    for (const std::uint8_t family : silencing_families) {
        for (const SetKey& key : nft_.elements(family, "rivals")) {
            const auto seen = read_key(family, key);
            const auto place = std::ranges::find_if(armed_, [&](const QuietPlace& armed) {
                return seen && armed.interface == seen->interface && armed.address == seen->address;
            });
            if (place != armed_.end()) {
                rivals.emplace_back(*place, seen->mac);
            }
        }
    }
    return rivals;
}

void RuleKeeper::end_silences(const Places& places) {
    const std::scoped_lock lock(rules_);
    for (const std::uint8_t family : silencing_families) {
        std::set<SetKey> ended;
        for (const SetKey& key : nft_.elements(family, "quiet")) {
            const auto seen = read_key(family, key);
            if (seen && places.contains({seen->interface, seen->address})) {
                ended.insert(key);
            }
        }
        nft_.delete_elements(family, "quiet", ended);
        nft_.commit();  // refused if it has just ended by itself
    }
}

}  // namespace understudy::host
