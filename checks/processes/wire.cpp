#include "checks/processes/wire.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <type_traits>

namespace understudy::checks {

namespace {

constexpr std::int64_t absent = -1;

class Writer {
public:
    template <class Number>
    void put(Number value) {
        static_assert(std::is_trivially_copyable_v<Number>);
        const auto bytes = std::as_bytes(std::span{&value, 1});
        packet_.insert(packet_.end(), bytes.begin(), bytes.end());
    }
    void put_text(const std::string& text, std::size_t longest) {
        const std::size_t size = std::min(text.size(), longest);
        put(static_cast<std::uint16_t>(size));
        const auto bytes = std::as_bytes(std::span{text.data(), size});
        packet_.insert(packet_.end(), bytes.begin(), bytes.end());
    }
    std::vector<std::byte> take() { return std::move(packet_); }

private:
    std::vector<std::byte> packet_;
};

// Every read fails once one has failed.
class Reader {
public:
    explicit Reader(std::span<const std::byte> packet) : rest_(packet) {}

    template <class Number>
    Number get() {
        Number value{};
        if (rest_.size() < sizeof value) {
            good_ = false;
            rest_ = {};
            return value;
        }
        std::memcpy(&value, rest_.data(), sizeof value);
        rest_ = rest_.subspan(sizeof value);
        return value;
    }
    std::string get_text(std::size_t longest) {
        const std::size_t size = get<std::uint16_t>();
        if (size > longest || size > rest_.size()) {
            good_ = false;
            return {};
        }
        if (size == 0) {
            return {};
        }
        std::string text(reinterpret_cast<const char*>(rest_.data()), size);
        rest_ = rest_.subspan(size);
        return text;
    }
    bool is_good() const { return good_; }
    bool is_whole() const { return good_ && rest_.empty(); }

private:
    std::span<const std::byte> rest_;
    bool good_ = true;
};

constexpr std::size_t longest_word = 60'000;  // of a command, or in its environment

void put_words(Writer& writer, const std::vector<std::string>& words) {
    writer.put(static_cast<std::uint16_t>(words.size()));
    for (const std::string& word : words) {
        writer.put_text(word, longest_word);
    }
}

std::vector<std::string> get_words(Reader& reader) {
    std::vector<std::string> words;
    for (std::size_t left = reader.get<std::uint16_t>(); left > 0 && reader.is_good(); --left) {
        words.push_back(reader.get_text(longest_word));
    }
    return words;
}

std::array<std::optional<Duration> Timings::*, 5> timing_fields() {
    return {&Timings::lookup, &Timings::connect, &Timings::tls, &Timings::first_byte,
            &Timings::total};
}

}  // namespace

std::vector<std::byte> encode(const Order& order) {
    Writer writer;
    writer.put(order.kind);
    writer.put(order.index);
    writer.put(order.run);
    return writer.take();
}

std::optional<Order> decode_order(std::span<const std::byte> packet) {
    Reader reader(packet);
    const auto kind = reader.get<std::uint8_t>();
    Order order;
    order.kind = static_cast<OrderKind>(kind);
    order.index = reader.get<std::uint32_t>();
    order.run = reader.get<std::uint32_t>();
    const bool known = kind >= static_cast<std::uint8_t>(OrderKind::run_check) &&
                       kind <= static_cast<std::uint8_t>(OrderKind::retire_prober);
    return reader.is_whole() && known ? std::optional{order} : std::nullopt;
}

std::vector<std::byte> encode(const HookOrder& order) {
    Writer writer;
    writer.put(OrderKind::run_hook);
    writer.put(order.run);
    writer.put(static_cast<std::uint32_t>(order.limit.count()));
    put_words(writer, order.command);
    put_words(writer, order.environment);
    return writer.take();
}

std::optional<HookOrder> decode_hook_order(std::span<const std::byte> packet) {
    Reader reader(packet);
    const bool is_hook =
        reader.get<std::uint8_t>() == static_cast<std::uint8_t>(OrderKind::run_hook);
    HookOrder order;
    order.run = reader.get<std::uint32_t>();
    order.limit = std::chrono::milliseconds{reader.get<std::uint32_t>()};
    order.command = get_words(reader);
    order.environment = get_words(reader);
    const bool fits = reader.is_whole() && is_hook && !order.command.empty();
    return fits ? std::optional{std::move(order)} : std::nullopt;
}

std::vector<std::byte> encode(const Report& report) {
    Writer writer;
    writer.put(report.kind);
    writer.put(report.index);
    writer.put(report.run);
    writer.put(static_cast<std::uint8_t>(report.outcome.passed));
    writer.put(static_cast<std::uint8_t>(report.outcome.weight.has_value()));
    writer.put(static_cast<std::int32_t>(report.outcome.weight.value_or(0)));
    for (const auto field : timing_fields()) {
        const auto& value = report.outcome.timings.*field;
        writer.put(value ? std::int64_t{value->count()} : absent);
    }
    writer.put_text(report.outcome.detail, longest_detail);
    writer.put_text(report.outcome.output, longest_output);
    return writer.take();
}

std::optional<Report> decode_report(std::span<const std::byte> packet) {
    Reader reader(packet);
    Report report;
    const auto kind = reader.get<std::uint8_t>();
    report.kind = static_cast<ReportKind>(kind);
    report.index = reader.get<std::uint32_t>();
    report.run = reader.get<std::uint32_t>();
    const auto passed = reader.get<std::uint8_t>();
    const auto has_weight = reader.get<std::uint8_t>();
    const auto weight = reader.get<std::int32_t>();
    report.outcome.passed = passed == 1;
    if (has_weight == 1) {
        report.outcome.weight = weight;
    }
    for (const auto field : timing_fields()) {
        const auto value = reader.get<std::int64_t>();
        if (value >= 0) {
            report.outcome.timings.*field = Duration{value};
        }
    }
    report.outcome.detail = reader.get_text(longest_detail);
    report.outcome.output = reader.get_text(longest_output);
    const bool known = kind >= static_cast<std::uint8_t>(ReportKind::check_finished) &&
                       kind <= static_cast<std::uint8_t>(ReportKind::runner_started);
    constexpr std::int32_t most_weight = 253;
    const bool sane =
        passed <= 1 && has_weight <= 1 && weight >= -most_weight && weight <= most_weight;
    return reader.is_whole() && known && sane ? std::optional{std::move(report)} : std::nullopt;
}

}  // namespace understudy::checks
