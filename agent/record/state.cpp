#include "agent/record/state.hpp"

#include <concepts>
#include <deque>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "agent/record/record.hpp"
#include "agent/record/state_fields.hpp"
#include "agent/record/without_output.hpp"

namespace understudy::record {

namespace {

using Json = nlohmann::json;

template <class Value>
concept Enumeration = std::is_enum_v<Value>;
template <class Value>
concept Number = std::integral<Value> && !std::same_as<Value, bool>;
template <class Value>
concept Ticks = std::same_as<Value, Duration> || std::same_as<Value, TimePoint>;
template <class Value>
concept Address = std::same_as<Value, IpAddress> || std::same_as<Value, IpPrefix>;

// --- writing -------------------------------------------------------------------------------------

class Writer {
public:
    static constexpr bool reads = false;

    template <class... Fields>
    void operator()(Fields&&... fields) {
        Json::array_t all;
        all.reserve(sizeof...(fields));
        (all.push_back(json(fields)), ...);
        result_ = std::move(all);
    }
    void require(bool, const char*) const {}

    // Of an object: its fields.
    template <class Object>
    Json json(Object& object) {
        StateFields::list(*this, object);
        return std::move(result_);
    }

private:
    static Json json(bool& value) { return value ? 1 : 0; }
    template <Number Value>
    Json json(Value& value) {
        return value;
    }
    template <Enumeration Value>
    Json json(Value& value) {
        return std::to_underlying(value);
    }
    static Json json(Duration& value) { return value.count(); }
    static Json json(TimePoint& value) { return value.time_since_epoch().count(); }
    static Json json(std::string& text) { return without_any_output(text); }
    static Json json(Name& name) { return name.text; }
    static Json json(MacAddress& mac) { return mac.bytes; }
    template <Address Value>
    Json json(Value& address) {
        return address.to_string();
    }

    template <class Value>
    Json json(std::optional<Value>& value) {
        return value ? json(*value) : Json{};
    }
    template <class Sequence>
    Json elements(Sequence& sequence) {
        Json::array_t all;
        for (auto& element : sequence) {
            all.push_back(json(element));
        }
        return all;
    }
    template <class Value>
    Json json(std::vector<Value>& values) {
        return elements(values);
    }
    template <class Value>
    Json json(std::deque<Value>& values) {
        return elements(values);
    }
    template <class Value, std::size_t size>
    Json json(std::array<Value, size>& values) {
        return elements(values);
    }
    template <class Value>
    Json json(std::set<Value>& values) {
        std::vector<Value> all(values.begin(), values.end());
        return elements(all);
    }
    template <class Key, class Value>
    Json json(std::map<Key, Value>& values) {
        std::vector<std::pair<Key, Value>> all(values.begin(), values.end());
        return elements(all);
    }
    template <class Sequence>
    Json json(Each<Sequence>& each) {
        return elements(each.all);
    }
    template <class First, class Second>
    Json json(std::pair<First, Second>& both) {
        return Json::array({json(both.first), json(both.second)});
    }
    template <class... Values>
    Json json(std::tuple<Values...>& values) {
        std::apply(*this, values);
        return std::move(result_);
    }
    template <class... Values>
    Json json(std::variant<Values...>& value) {
        const std::size_t which = value.index();
        return Json::array({which, std::visit([&](auto& what) { return json(what); }, value)});
    }

    Json result_;
};

// --- reading -------------------------------------------------------------------------------------

struct StateMisfit : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Reader {
public:
    static constexpr bool reads = true;

    explicit Reader(const Json& document) : here_(&document) {}

    template <class... Fields>
    void operator()(Fields&&... fields) {
        require(here_->is_array() && here_->size() == sizeof...(fields),
                "as many fields as this form has");
        [[maybe_unused]] std::size_t place = 0;
        (at(place++, fields), ...);
    }
    void require(bool fits, const char* what) const {
        if (!fits) {
            std::string place;
            for (const std::size_t index : path_) {
                place += (place.empty() ? "" : ".") + std::to_string(index);
            }
            throw StateMisfit("\"state\"" + (place.empty() ? "" : " at " + place) + " is not " +
                              what);
        }
    }

    template <class Object>
    void read(Object& object) {
        StateFields::list(*this, object);
    }

private:
    template <class Value>
    void at(std::size_t place, Value& value) {
        const Json* outer = std::exchange(here_, &(*here_)[place]);
        path_.push_back(place);
        read(value);
        path_.pop_back();
        here_ = outer;
    }

    std::int64_t integer(std::int64_t least, std::int64_t most) const {
        require(here_->is_number_integer(), "a whole number");
        const bool fits =
            !here_->is_number_unsigned() || here_->get<std::uint64_t>() <= std::uint64_t{INT64_MAX};
        require(fits && here_->get<std::int64_t>() >= least && here_->get<std::int64_t>() <= most,
                "a number in its range");
        return here_->get<std::int64_t>();
    }
    const std::string& text() const {
        require(here_->is_string(), "a text");
        return here_->get_ref<const std::string&>();
    }

    void read(bool& value) { value = integer(0, 1) == 1; }
    template <Number Value>
    void read(Value& value) {
        using Limits = std::numeric_limits<Value>;
        if constexpr (sizeof(Value) < sizeof(std::int64_t)) {
            value = static_cast<Value>(integer(Limits::min(), Limits::max()));
        } else if constexpr (std::is_signed_v<Value>) {
            value = integer(-longest_time, longest_time);
        } else {
            value = static_cast<Value>(integer(0, INT64_MAX));
        }
    }
    template <Enumeration Value>
    void read(Value& value) {
        value = static_cast<Value>(integer(0, std::to_underlying(StateFields::last(Value{}))));
    }
    template <Ticks Value>
    void read(Value& value) {
        value = Value{Duration{integer(-longest_time, longest_time)}};
    }
    void read(std::string& value) { value = text(); }
    void read(Name& name) { name.text = text(); }
    void read(MacAddress& mac) { read(mac.bytes); }
    template <Address Value>
    void read(Value& value) {
        const auto parsed = Value::parse(text());
        require(parsed.has_value(), "an address");
        value = *parsed;
    }

    template <class Value>
    void read(std::optional<Value>& value) {
        value.reset();
        if (!here_->is_null()) {
            Value present{};
            read(present);
            value.emplace(std::move(present));
        }
    }
    void require_size(std::size_t size) const {
        require(here_->is_array() && here_->size() == size, "as long as the configuration says");
    }
    template <class Sequence>
    void elements(Sequence& sequence) {
        std::size_t place = 0;
        for (auto& element : sequence) {
            at(place++, element);
        }
    }
    template <class Sequence>
    void fill(Sequence& sequence) {
        require(here_->is_array(), "a list");
        sequence.clear();
        sequence.resize(here_->size());
        elements(sequence);
    }
    template <class Value>
    void read(std::vector<Value>& values) {
        fill(values);
    }
    template <class Value>
    void read(std::deque<Value>& values) {
        fill(values);
    }
    template <class Value, std::size_t size>
    void read(std::array<Value, size>& values) {
        require_size(size);
        elements(values);
    }
    template <class Value>
    void read(std::set<Value>& values) {
        std::vector<Value> all;
        fill(all);
        values = std::set<Value>(all.begin(), all.end());
    }
    template <class Key, class Value>
    void read(std::map<Key, Value>& values) {
        std::vector<std::pair<Key, Value>> all;
        fill(all);
        values = std::map<Key, Value>(all.begin(), all.end());
    }
    template <class Sequence>
    void read(Each<Sequence>& each) {
        require_size(each.all.size());
        elements(each.all);
    }
    template <class First, class Second>
    void read(std::pair<First, Second>& both) {
        (*this)(both.first, both.second);
    }
    template <class... Values>
    void read(std::tuple<Values...>& values) {
        std::apply(*this, values);
    }
    template <class... Values>
    void read(std::variant<Values...>& value) {
        require(here_->is_array() && here_->size() == 2, "one of several kinds");
        std::size_t which = 0;
        at(0, which);
        require(which < sizeof...(Values), "one of several kinds");
        std::size_t kind = 0;
        ((kind++ == which ? at(1, value.template emplace<Values>()) : void()), ...);
    }

    const Json* here_;
    std::vector<std::size_t> path_;
};

}  // namespace

Json state_of(core::Node node) {
    return Writer{}.json(node);
}

std::expected<core::Node, std::string> node_of(core::Configuration configuration,
                                               const Json& state) {
    try {
        core::Node node{std::move(configuration), TimePoint{}};
        Reader{state}.read(node);
        return node;
    } catch (const StateMisfit& misfit) {
        return std::unexpected(std::string{misfit.what()});
    }
}

std::vector<core::LinkSeen> links_of(const core::Node& node) {
    std::vector<core::LinkSeen> links;
    for (const auto& [index, link] : StateFields::links(node)) {
        links.push_back({link.index, link.name, link.up, link.mac});
    }
    return links;
}

}  // namespace understudy::record
