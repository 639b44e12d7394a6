#include "vrrp/advertisement.hpp"

#include <algorithm>

#include "base/ensure.hpp"
#include "vrrp/checksum.hpp"

namespace understudy::vrrp {

namespace {

using std::chrono::seconds;

constexpr unsigned advertisement_type = 1;
// Offsets from the first VRRP byte (5.1, RFC 3768 5.1).
constexpr std::size_t vrid_at = 1;
constexpr std::size_t priority_at = 2;
constexpr std::size_t count_at = 3;
constexpr std::size_t interval_at = 4;  // v3: reserve and 12 bits; v2: authentication type, seconds
constexpr std::size_t checksum_at = 6;

unsigned byte_at(std::span<const std::byte> payload, std::size_t offset) {
    return std::to_integer<unsigned>(payload[offset]);
}

std::size_t trailer_size(Version version) {
    return version == Version::v2 ? v2_authentication_size : 0;
}

// The form in which the checksum is right; nothing if it is wrong. The order of summing does not
// matter, so the message is summed once.
std::optional<ChecksumForm> matching_form(const Datagram& datagram, Version version) {
    const bool v6 = datagram.source.is_v6();
    Checksum checksum;
    checksum.add(datagram.payload);
    if (!v6 && checksum.value() == 0) {
        return ChecksumForm::message_only;
    }
    const bool may_have_pseudo_header = v6 || version == Version::v3;
    if (!may_have_pseudo_header) {
        return std::nullopt;
    }
    checksum.add_pseudo_header(datagram.source, datagram.destination, datagram.payload.size());
    return checksum.value() == 0 ? std::optional{ChecksumForm::pseudo_header} : std::nullopt;
}

Duration interval_of(std::span<const std::byte> payload, Version version) {
    if (version == Version::v2) {
        return seconds{byte_at(payload, interval_at + 1)};
    }
    const unsigned centiseconds =
        ((byte_at(payload, interval_at) & 0x0fU) << 8U) | byte_at(payload, interval_at + 1);
    return centiseconds * interval_step;
}

bool starts_link_local(std::span<const std::byte> addresses) {
    return byte_at(addresses, 0) == 0xfe && (byte_at(addresses, 1) & 0xc0U) == 0x80;
}

// An address that an interface of a router can have. Linux hands on 0.0.0.0 and :: where the
// destination is multicast.
bool is_possible_source(const IpAddress& source) {
    const IpAddress broadcast = IpAddress::v4(255, 255, 255, 255);
    return !source.is_unspecified() && !source.is_loopback() && !source.is_multicast() &&
           source != broadcast;
}

// 5.1.2.1. Unicast, which the RFC does not have, may come from any address of the peer.
bool has_source_of_its_scope(const Datagram& datagram) {
    return datagram.source.is_v4() || !datagram.destination.is_multicast() ||
           datagram.source.is_link_local();
}

}  // namespace

std::string_view name_of(Discard reason) {
    constexpr std::array<std::string_view, discard_kinds> names = {
        "ttl",  "version", "type",     "length",    "checksum", "vrid",
        "auth", "count",   "interval", "addresses", "source"};
    return names.at(static_cast<std::size_t>(reason));
}

std::optional<Vrid> peek_vrid(std::span<const std::byte> payload) {
    if (payload.size() <= vrid_at) {
        return std::nullopt;
    }
    return std::to_integer<Vrid>(payload[vrid_at]);
}

std::expected<Received, Discard> decode(const Datagram& datagram, std::uint8_t least_ttl) {
    const auto payload = datagram.payload;
    const Family family = datagram.source.family();
    const auto refuse = [](Discard reason) { return std::unexpected(reason); };

    // clang-format off: one line for each check
    if (datagram.ttl < least_ttl) return refuse(Discard::ttl);
    if (payload.empty()) return refuse(Discard::length);
    const unsigned version_number = byte_at(payload, 0) >> 4U;
    if (version_number != 2 && version_number != 3) return refuse(Discard::version);
    const auto version = static_cast<Version>(version_number);
    if (version == Version::v2 && family == Family::ipv6) return refuse(Discard::version);
    if ((byte_at(payload, 0) & 0x0fU) != advertisement_type) return refuse(Discard::type);
    if (payload.size() < header_size) return refuse(Discard::length);
    const std::size_t count = byte_at(payload, count_at);
    if (payload.size() != encoded_size(version, family, count)) return refuse(Discard::length);
    const auto form = matching_form(datagram, version);
    if (!form) return refuse(Discard::checksum);
    if (byte_at(payload, vrid_at) == 0) return refuse(Discard::vrid);
    const bool unauthenticated = version == Version::v3 || byte_at(payload, interval_at) == 0;
    if (!unauthenticated) return refuse(Discard::auth);
    if (count == 0) return refuse(Discard::count);
    const Duration interval = interval_of(payload, version);
    if (interval == Duration::zero()) return refuse(Discard::interval);
    const auto addresses = payload.subspan(header_size, count * address_size(family));
    if (family == Family::ipv6 && !starts_link_local(addresses)) return refuse(Discard::addresses);
    if (!is_possible_source(datagram.source)) return refuse(Discard::source);
    if (!has_source_of_its_scope(datagram)) return refuse(Discard::source);
    // clang-format on

    Received received;
    received.version = version;
    received.vrid = std::to_integer<Vrid>(payload[vrid_at]);
    received.priority = std::to_integer<Priority>(payload[priority_at]);
    received.interval = interval;
    received.address_count = static_cast<std::uint8_t>(count);
    received.addresses = addresses;
    if (version == Version::v3 && family == Family::ipv4) {
        received.checksum_form = form;
    }
    return received;
}

std::size_t encoded_size(Version version, Family family, std::size_t address_count) {
    return header_size + address_count * address_size(family) + trailer_size(version);
}

std::span<const std::byte> encode(const Advertisement& advertisement, const IpAddress& source,
                                  const IpAddress& destination, ChecksumForm form,
                                  std::span<std::byte> out) {
    const std::size_t count = advertisement.addresses.size() / address_size(advertisement.family);
    const std::size_t size = encoded_size(advertisement.version, advertisement.family, count);
    const bool v2 = advertisement.version == Version::v2;
    const bool v6 = advertisement.family == Family::ipv6;
    ensure(count >= 1 && count <= most_addresses, "an advertisement has 1 to 255 addresses");
    ensure(advertisement.addresses.size() == count * address_size(advertisement.family),
           "the addresses are whole");
    ensure(advertisement.vrid != 0, "a VRID is 1 to 255");
    ensure(!(v2 && v6), "version 2 knows IPv4 only");
    ensure(!v6 || starts_link_local(advertisement.addresses), "IPv6: a link-local address first");
    ensure(source.family() == advertisement.family && destination.family() == source.family(),
           "an advertisement lists addresses of the family that carries it");
    ensure(out.size() >= size, "the advertisement fits its buffer");
    const auto packet = out.first(size);

    const auto steps = advertisement.interval / (v2 ? Duration{seconds{1}} : interval_step);
    const auto interval =
        static_cast<unsigned>(std::clamp<Duration::rep>(steps, 1, v2 ? 255 : 4095));
    std::ranges::fill(packet, std::byte{0});
    packet[0] = std::byte{static_cast<std::uint8_t>(
        (static_cast<unsigned>(advertisement.version) << 4U) | advertisement_type)};
    packet[vrid_at] = std::byte{advertisement.vrid};
    packet[priority_at] = std::byte{advertisement.priority};
    packet[count_at] = std::byte{static_cast<std::uint8_t>(count)};
    packet[interval_at] = std::byte{static_cast<std::uint8_t>(interval >> 8U)};
    packet[interval_at + 1] = std::byte{static_cast<std::uint8_t>(interval & 0xffU)};
    std::ranges::copy(advertisement.addresses, packet.begin() + header_size);

    Checksum checksum;
    if (v6 || (!v2 && form == ChecksumForm::pseudo_header)) {
        checksum.add_pseudo_header(source, destination, size);
    }
    const std::uint16_t value = checksum.add(packet).value();
    packet[checksum_at] = std::byte{static_cast<std::uint8_t>(value >> 8U)};
    packet[checksum_at + 1] = std::byte{static_cast<std::uint8_t>(value & 0xffU)};
    return packet;
}

}  // namespace understudy::vrrp
