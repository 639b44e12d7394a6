// The part of Vip that reads and writes advertisements.
#include <algorithm>

#include "agent/core/vip.hpp"
#include "agent/core/wording.hpp"

namespace understudy::core {

namespace {

constexpr Duration start_margin = std::chrono::seconds{1};

std::optional<unsigned> version_of(std::span<const std::byte> payload) {
    if (payload.empty()) {
        return std::nullopt;
    }
    return std::to_integer<unsigned>(payload.front()) >> 4U;
}

}  // namespace

// --- receiving -----------------------------------------------------------------------------------

void Vip::receive(TimePoint now, const vrrp::Datagram& datagram, const Surroundings& around) {
    const auto face = std::ranges::find(faces_, datagram.source.family(), &Face::family);
    if (face == faces_.end()) {
        return;
    }
    if (const auto reason = refuse(*face, datagram, around)) {
        discard(now, *face, *reason, datagram, around);
        return;
    }
    const auto received = vrrp::decode(datagram, settings_.unicast_min_ttl);
    if (!received) {
        discard(now, *face, received.error(), datagram, around);
        return;
    }
    if (const auto reason = refuse(*received)) {
        discard(now, *face, *reason, datagram, around);
        return;
    }
    const bool has_our_list = std::ranges::equal(received->addresses, face->addresses);
    if (!has_our_list && lists_.is_foreign(now, face->family, received->addresses) &&
        !is_remembered(now, datagram.source)) {
        discard(now, *face, vrrp::Discard::addresses, datagram, around);
        return;
    }
    ++counters_.adverts_received;
    if (received->priority == vrrp::resignation_priority) {
        ++counters_.priority_zero_received;
    }
    if (received->checksum_form) {
        peer_form_ = received->checksum_form;
    }
    const Peer* known = peers_.find(datagram.source);
    if (known == nullptr || !prepares(now, *known)) {
        preparing_since_.reset();  // whoever begins has its own time for it
    }
    const Peer::Belief belief = note_peer(now, datagram.source, *received, has_our_list, around);
    note_differences(now, *face, *received, datagram.source, around);
    note_active(now, *face, datagram.source, *received);

    vrrp::Advert advert;
    advert.source = datagram.source;
    advert.priority = received->priority;
    advert.interval = belief.interval;
    advert.counts_from = belief.counts_from;
    advert.receiver = face->source.value_or(IpAddress{});
    advert.decides_tie = decides_tie(now, *face, *received);
    if (!is_preparing(now, *received, around)) {
        feed(now, advert, around);
    }
    if (received->priority == vrrp::yielding_priority && holds_for_nobody()) {
        hold_back(now, datagram.source, around);
    }
    const bool must_stop = !stop_wanted_ && runs_beside_another(now);
    const bool other_offer = facts_.served_elsewhere != (promoting_ && hears_offer(now));
    if (has_moved_ || must_stop || other_offer || facts_.manual != Manual::none) {
        settle(now, around);  // a takeover that was lost, or a yield that is over
    }
    note_rivals(now, around);
    show(now, around);
}

// A cold peer is in the low band while it starts its service, to take over what this node gives
// away. It has nothing yet, so it is not followed; but not for longer than such a start may take:
// then it is something else.
bool Vip::is_preparing(TimePoint now, const vrrp::Received& received, const Surroundings& around) {
    const bool serves = is_holding() && yields(facts_) && !facts_.stops_first &&
                        facts_.readiness == control::Readiness::hot &&
                        router_.standing().priority == vrrp::yielding_priority;
    const bool begins =
        vrrp::in_low_band(received.priority) && received.priority != vrrp::yielding_priority;
    if (!serves || !begins || !dependencies_.service) {
        preparing_since_.reset();
        return false;
    }
    preparing_since_ = preparing_since_.value_or(now);
    const Service& like_ours = around.services.at(*dependencies_.service);
    return now < *preparing_since_ + like_ours.settings().start_timeout + start_margin;
}

// Somebody has the addresses and offers them, whoever else was heard since.
bool Vip::hears_offer(TimePoint now) const {
    const auto until = offer_counts_until();
    return until && now < *until;
}

std::optional<TimePoint> Vip::offer_counts_until() const {
    std::optional<TimePoint> latest;
    for (const Peer& peer : peers_.all()) {
        const Duration interval = peer.counted_interval(settings_.advert_interval);
        if (peer.shown.priority == vrrp::yielding_priority) {
            latest = std::max(latest.value_or(TimePoint{}), peer.shown.heard + 2 * interval);
        }
    }
    return latest;
}

// A node that was away begins again after more than an interval: it waits for that long first.
TimePoint Vip::prepares_until(const Peer& peer) const {
    return peer.shown.heard + 3 * peer.counted_interval(settings_.advert_interval) / 2;
}

bool Vip::prepares(TimePoint now, const Peer& peer) const {
    const int priority = peer.shown.priority;
    return priority > vrrp::yielding_priority && priority <= vrrp::low_band_top &&
           now <= prepares_until(peer);
}

std::optional<TimePoint> Vip::awaited_until(TimePoint now) const {
    std::optional<TimePoint> latest;
    for (const Peer& peer : peers_.all()) {
        if (preparing_since_ && prepares(now, peer)) {
            latest = std::max(latest.value_or(now), prepares_until(peer));
        }
    }
    return latest;
}

// Its service is only being started. Somebody who offers the addresses has them as well, after the
// two have been apart, and may serve: it does not take who is at 2 to 16 for a holder.
bool Vip::holds_for_nobody() const {
    const vrrp::Priority priority = router_.standing().priority;
    return is_holding() && facts_.readiness == control::Readiness::cold && !facts_.forced &&
           !facts_.stops_first && vrrp::in_low_band(priority) &&
           priority != vrrp::yielding_priority;
}

void Vip::hold_back(TimePoint now, const IpAddress& server, const Surroundings& around) {
    hook_after_release(around);
    promoting_ = true;
    announcer_.stop();
    end_added();
    ledger_.release(now, around.out);
    cause_ = server.to_string() + " has the addresses, too, and may serve";
    has_moved_ = true;
}

void Vip::note_rivals(TimePoint now, const Surroundings& around) {
    if (std::string text = disagreements_.rivals(now, active_here()); !text.empty()) {
        if (may_complain(now, rival_complaint_)) {
            complain(now, rival_complaint_, std::move(text), around);
        }
    }
}

// What has to be known before the bytes are looked at: the configured version decides the layout.
std::optional<vrrp::Discard> Vip::refuse(const Face& face, const vrrp::Datagram& datagram,
                                         const Surroundings& around) const {
    if (datagram.ttl < settings_.unicast_min_ttl) {
        return vrrp::Discard::ttl;
    }
    if (version_of(datagram.payload) != static_cast<unsigned>(settings_.version)) {
        return vrrp::Discard::version;
    }
    if (is_own(face, datagram.source, around) || names_no_host(face, datagram.source, around)) {
        return vrrp::Discard::source;
    }
    if (!settings_.is_unicast()) {
        const bool to_group = datagram.destination == vrrp::multicast_group(face.family);
        const bool accepted = to_group && settings_.believes(datagram.source);
        return accepted ? std::nullopt : std::optional{vrrp::Discard::source};
    }
    const bool from_peer = std::ranges::find(settings_.unicast_peers, datagram.source) !=
                           settings_.unicast_peers.end();
    const bool accepted = from_peer && !datagram.destination.is_multicast();
    return accepted ? std::nullopt : std::optional{vrrp::Discard::source};
}

std::optional<vrrp::Discard> Vip::refuse(const vrrp::Received& received) const {
    // RFC 3768 7.1: version 2 does not learn the interval, it must be the same everywhere.
    const bool other_interval = received.interval != settings_.advert_interval;
    if (settings_.version == vrrp::Version::v2 && other_interval) {
        return vrrp::Discard::interval;
    }
    return std::nullopt;
}

void Vip::discard(TimePoint now, const Face& face, vrrp::Discard reason,
                  const vrrp::Datagram& datagram, const Surroundings& around) {
    const auto index = static_cast<std::size_t>(reason);
    ++discarded_.at(index);
    const bool own = is_own(face, datagram.source, around);
    Complaint& complaint = discard_complaints_.at(index);
    // A flood must not cost a text for each packet.
    const std::size_t size = std::min(datagram.payload.size(), vrrp::largest_advertisement);
    const std::uint64_t mark = hash_of(datagram.payload.first(size)) ^ index ^
                               std::uint64_t{datagram.ttl} << 8U ^ (own ? 1U << 16U : 0U) ^
                               (datagram.destination.is_multicast() ? 1U << 17U : 0U);
    const bool is_known = disagreements_.renew_refused(now, datagram.source, mark);
    const bool is_told = !may_complain(now, complaint);
    if (is_known && is_told && !around.out.logs(LogLevel::trace)) {
        return;
    }
    const std::string more = explain(reason, datagram, settings_, own);
    std::string text = "discarded an advertisement from " + datagram.source.to_string() + ": " +
                       std::string{vrrp::name_of(reason)} + (more.empty() ? "" : "; " + more);
    disagreements_.refused(now, datagram.source, mark, text);
    if (around.out.logs(LogLevel::trace)) {  // each of them; the complaint below is once a minute
        log(around.out, LogLevel::trace, settings_.name + ": " + text);
    }
    if (!is_told) {
        complain(now, complaint, std::move(text), around);
    }
}

// Its list was ours not long ago, whatever it is now: one of the two nodes has been reloaded.
bool Vip::is_remembered(TimePoint now, const IpAddress& source) const {
    const Peer* peer = peers_.find(source);
    return peer != nullptr && peer->had_our_list_at &&
           now - *peer->had_our_list_at < lists_remembered;
}

// Only of who is heard as the Active one: a standby says nothing, and who has resigned neither.
void Vip::note_gap(TimePoint now, const Peer& peer) {
    if (active_peer_ == peer.source && peer.shown.priority != vrrp::resignation_priority) {
        heartbeats_.heard(now - peer.shown.heard, peer.shown.interval);
    }
}

Peer::Belief Vip::note_peer(TimePoint now, const IpAddress& source, const vrrp::Received& received,
                            bool has_our_list, const Surroundings& around) {
    Peer& peer = peers_.at(now, source);
    const control::PeerStatus before = peer.shown;
    if (before.heard != TimePoint{}) {
        note_gap(now, peer);
    }
    // Also while this node may not take it: what contradicts an offer counts later as well.
    const bool gives_away = received.priority == vrrp::resignation_priority ||
                            received.priority == vrrp::yielding_priority ||
                            router_.is_offer(received.priority);
    const Peer::Belief belief = peer.heard(now, received, gives_away, settings_.advert_interval);
    if (has_our_list) {
        peer.had_our_list_at = now;
    }
    if (!gives_away) {
        peers_.challenge(now, source);
    }
    if (belief.contradicts) {
        note_contradiction(now, source, before, around);
    }
    return belief;
}

void Vip::note_contradiction(TimePoint now, const IpAddress& source,
                             const control::PeerStatus& before, const Surroundings& around) {
    std::string text =
        source.to_string() +
        (before.priority == vrrp::resignation_priority
             ? " resigned (priority 0)"
             : " offered the addresses (priority " + std::to_string(before.priority) + ')') +
        ", and goes on advertising " + in_words(now - before.heard) +
        " later: it has changed its mind, or another machine sends in its name; for " +
        in_words(doubt_lasts) + " such a word of it counts only when it is silent otherwise";
    disagreements_.contradicted(now, source, text);
    if (may_complain(now, contradiction_complaint_)) {
        complain(now, contradiction_complaint_, std::move(text), around);
    }
}

// One name for a node that is heard in both families: its address in the first one.
void Vip::note_active(TimePoint now, const Face& face, const IpAddress& source,
                      const vrrp::Received& received) {
    // Who has just lost against the Active one says so once more: that makes it no Active one.
    const bool another = active_peer_ && *active_peer_ != source;
    const Peer* known = another ? peers_.find(*active_peer_) : nullptr;
    if (known != nullptr && known->shown.priority > received.priority &&
        now - known->shown.heard < 2 * known->counted_interval(settings_.advert_interval)) {
        return;
    }
    const bool first = face.family == faces_.front().family;
    if (first || !first_family_heard_ ||
        now - *first_family_heard_ > router_.current_active_down_interval()) {
        active_peer_ = source;
    }
    if (first) {
        first_family_heard_ = now;
    }
}

// RFC 9568 7.1: another interval or address list is worth a log line, and is processed all the
// same.
void Vip::note_differences(TimePoint now, const Face& face, const vrrp::Received& received,
                           const IpAddress& source, const Surroundings& around) {
    disagreements_.heard(now, settings_, face.addresses, source, received);
    const bool other_interval = received.interval != settings_.advert_interval;
    counters_.interval_mismatches += other_interval ? 1 : 0;
    if (other_interval && may_complain(now, interval_complaint_)) {
        complain(now, interval_complaint_,
                 source.to_string() + " advertises every " +
                     std::to_string(received.interval.count() / 1000) + " ms, this node every " +
                     std::to_string(settings_.advert_interval.count() / 1000) + " ms",
                 around);
    }
    const bool other_list = !std::ranges::equal(received.addresses, face.addresses);
    counters_.address_mismatches += other_list ? 1 : 0;
    if (other_list && may_complain(now, addresses_complaint_)) {
        complain(now, addresses_complaint_,
                 source.to_string() + " advertises other addresses than are configured here",
                 around);
    }
}

// Two families, one verdict: while a tie is being broken over IPv4, IPv6 does not break it the
// other way.
bool Vip::decides_tie(TimePoint now, const Face& face, const vrrp::Received& received) {
    if (received.priority != router_.standing().priority) {
        return true;
    }
    if (face.family == Family::ipv4) {
        tie_in_ipv4_at_ = now;
        return true;
    }
    return !tie_in_ipv4_at_ || now - *tie_in_ipv4_at_ > router_.current_active_down_interval();
}

// --- sending -------------------------------------------------------------------------------------

vrrp::ChecksumForm Vip::checksum_form() const {
    switch (settings_.checksum) {
        case ChecksumPolicy::message_only:
            return vrrp::ChecksumForm::message_only;
        case ChecksumPolicy::pseudo_header:
            return vrrp::ChecksumForm::pseudo_header;
        case ChecksumPolicy::automatic:
            break;
    }
    return peer_form_.value_or(vrrp::ChecksumForm::message_only);
}

void Vip::send_advert(TimePoint now, const vrrp::SendAdvert& advert, const Surroundings& around) {
    if (source_lost_ && advert.priority != vrrp::resignation_priority) {
        return;  // what it would say is not so for the moment
    }
    vrrp::Advertisement advertisement;
    advertisement.version = settings_.version;
    advertisement.vrid = settings_.vrid;
    advertisement.priority = advert.priority;
    advertisement.interval = settings_.advert_interval;
    Outbox& out = around.out;
    const auto send = [&](const Face& face, const IpAddress& destination) {
        BytesRange range{out.bytes.size(),
                         vrrp::encoded_size(settings_.version, face.family, face.address_count)};
        out.bytes.resize(range.begin + range.size);
        vrrp::encode(advertisement, *face.source, destination, checksum_form(),
                     std::span{out.bytes}.subspan(range.begin, range.size));
        out.actions.emplace_back(
            SendAdvert{interface_, *face.source, destination, settings_.vrid, range, advert.after});
        ++counters_.adverts_sent;
    };
    for (const Face& face : faces_) {
        if (!face.source) {
            continue;  // there never was one
        }
        advertisement.family = face.family;
        advertisement.addresses = face.addresses;
        if (!settings_.is_unicast()) {
            send(face, vrrp::multicast_group(face.family));
            continue;
        }
        for (const IpAddress& peer : settings_.unicast_peers) {
            if (peer.family() == face.family) {
                send(face, peer);
            }
        }
    }
    if (advert.priority == vrrp::resignation_priority) {
        ++counters_.priority_zero_sent;
    } else if (is_active()) {
        peers_.challenge(now, std::nullopt);
        ledger_.advertised(now, out);
    }
}

void Vip::send_failed(TimePoint now, const std::string& error, const Surroundings& around) {
    ++counters_.send_errors;
    if (may_complain(now, send_complaint_)) {
        complain(now, send_complaint_, "an advertisement could not be sent: " + error, around);
    }
}

bool Vip::may_complain(TimePoint now, Complaint& complaint) {
    const bool may = !complaint.logged || now - *complaint.logged >= log_spacing;
    complaint.suppressed += may ? 0 : 1;
    return may;
}

void Vip::complain(TimePoint now, Complaint& complaint, std::string text,
                   const Surroundings& around) {
    if (complaint.suppressed > 0) {
        text += " (and " + std::to_string(complaint.suppressed) + " more since the last such line)";
    }
    complaint = Complaint{now, 0};
    log(around.out, LogLevel::warn, settings_.name + ": " + std::move(text));
}

}  // namespace understudy::core
