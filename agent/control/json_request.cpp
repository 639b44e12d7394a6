// Requests, from and to JSON lines. What is read here comes from whoever may open the control
// socket, and it is read by the process that sends the heartbeat: the parser stops at the first
// thing that no request has, and builds no tree.
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/control/json.hpp"
#include "base/overloaded.hpp"

namespace understudy::control {

namespace {

using Document = nlohmann::ordered_json;
using Value = std::variant<std::string, bool, double>;

// Error texts repeat what was sent, but not at any length.
std::string in_quotes(const std::string& text) {
    constexpr std::size_t shown = 40;
    return '"' + (text.size() > shown ? text.substr(0, shown) + "..." : text) + '"';
}

std::string invalid_json(std::size_t position) {
    return "the request is not valid JSON (byte " + std::to_string(position) + ")";
}

// Takes a flat object of strings, numbers and booleans; false from any function ends the parsing.
class FlatObject : public nlohmann::json_sax<nlohmann::json> {
public:
    struct Field {
        std::string key;
        Value value;
        bool used = false;
    };

    bool null() override { return refuse("null is not a value of any field"); }
    bool boolean(bool value) override { return take(value); }
    bool number_integer(number_integer_t value) override {
        return take(static_cast<double>(value));
    }
    bool number_unsigned(number_unsigned_t value) override {
        return take(static_cast<double>(value));
    }
    bool number_float(number_float_t value, const string_t&) override { return take(value); }
    bool string(string_t& value) override { return take(std::move(value)); }
    bool binary(binary_t&) override { return refuse("binary data is not a value of any field"); }
    bool start_object(std::size_t) override {
        if (std::exchange(in_object_, true)) {
            return refuse("an object inside of the request is not understood");
        }
        return true;
    }
    bool end_object() override { return true; }
    bool start_array(std::size_t) override { return refuse("a list is not understood"); }
    bool end_array() override { return true; }

    bool key(string_t& name) override {
        if (fields.size() == most_request_fields) {
            return refuse("the request has too many fields");
        }
        for (const Field& field : fields) {
            if (field.key == name) {
                return refuse("the field " + in_quotes(name) + " is there twice");
            }
        }
        fields.push_back({std::move(name), false, false});
        return true;
    }

    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception&) override {
        return refuse(invalid_json(position));
    }

    std::vector<Field> fields;
    std::string error;

private:
    bool take(Value value) {
        if (fields.empty()) {
            return refuse("the request is not a JSON object");
        }
        fields.back().value = std::move(value);
        return true;
    }
    bool refuse(std::string why) {
        if (error.empty()) {
            error = std::move(why);
        }
        return false;
    }

    bool in_object_ = false;
};

// Gives out the fields of a request one by one. The first thing that is wrong stays in error().
class Fields {
public:
    explicit Fields(std::vector<FlatObject::Field> fields) : fields_(std::move(fields)) {}

    template <class Wanted>
    std::optional<Wanted> take(std::string_view key, const char* kind) {
        for (FlatObject::Field& field : fields_) {
            if (field.key != key) {
                continue;
            }
            field.used = true;
            if (auto* value = std::get_if<Wanted>(&field.value)) {
                return std::move(*value);
            }
            fail("the field \"" + std::string{key} + "\" must be " + kind);
        }
        return std::nullopt;
    }

    bool flag(std::string_view key) { return take<bool>(key, "true or false").value_or(false); }

    // A name that is written has to name something.
    std::string name(std::string_view key) {
        const auto name = take<std::string>(key, "a text");
        if (name && name->empty()) {
            fail("the field \"" + std::string{key} + "\" is empty");
        } else if (name && name->size() > longest_vip_name) {
            fail("the field \"" + std::string{key} + "\" is too long");
        }
        return name.value_or("");
    }

    std::string vip() { return name("vip"); }

    std::string check() {
        std::string check = name("check");
        if (check.empty()) {
            fail("the field \"check\" is missing");
        }
        return check;
    }

    std::string vip_or_all() {
        std::string name = vip();
        const bool all = flag("all");
        if (name.empty() != all) {
            fail(all ? "either \"vip\" or \"all\":true, not both"
                     : "the field \"vip\" is missing (or \"all\":true)");
        }
        return name;
    }

    struct Range {
        Duration least;
        Duration most;
        const char* words;
    };

    std::optional<Duration> milliseconds(const std::string& key, const Range& range) {
        const auto ms = take<double>(key, "a number");
        if (!ms) {
            return std::nullopt;
        }
        const double us = *ms * 1000.0;
        if (!(us >= static_cast<double>(range.least.count()) &&
              us <= static_cast<double>(range.most.count()))) {
            fail("the field \"" + key + "\" is out of range (" + range.words + ")");
            return std::nullopt;
        }
        return Duration{std::llround(us)};
    }

    Duration timeout(Duration otherwise) {
        const Range range{shortest_failover_timeout, longest_failover_timeout, "1 ms to 24 h"};
        return milliseconds("timeout_ms", range).value_or(otherwise);
    }

    MaintenanceRequest maintenance() {
        MaintenanceRequest request;
        const auto on = take<bool>("on", "true or false");
        if (!on) {
            fail("the field \"on\" is missing");
        }
        request.on = on.value_or(false);
        request.expiry =
            milliseconds("for_ms", {shortest_maintenance, longest_maintenance, "1 s to 366 days"});
        if (request.expiry && !request.on) {
            fail("the field \"for_ms\" belongs to \"on\":true");
        }
        request.timeout = timeout(request.timeout);
        return request;
    }

    void fail(std::string why) {
        if (error_.empty()) {
            error_ = std::move(why);
        }
    }

    // Empty if everything was right and used.
    std::string error(const std::string& request) {
        for (const FlatObject::Field& field : fields_) {
            if (!field.used) {
                fail("the request \"" + request + "\" has no field " + in_quotes(field.key));
            }
        }
        return error_;
    }

private:
    std::vector<FlatObject::Field> fields_;
    std::string error_;
};

struct Kind {
    const char* name;
    Request (*read)(Fields& fields);
};

// Braced lists are read from left to right, so the first error is that of the first field.
constexpr std::array<Kind, 11> kinds = {{
    {"status", [](Fields& f) { return Request{StatusRequest{f.vip()}}; }},
    {"why",
     [](Fields& f) {
         WhyRequest why{f.vip()};
         if (why.vip.empty()) {
             f.fail("the field \"vip\" is missing");
         }
         return Request{std::move(why)};
     }},
    {"failover",
     [](Fields& f) {
         return Request{FailoverRequest{f.vip_or_all(), f.timeout(FailoverRequest{}.timeout)}};
     }},
    {"takeover",
     [](Fields& f) { return Request{TakeoverRequest{f.vip_or_all(), f.flag("force")}}; }},
    {"failback", [](Fields& f) { return Request{FailbackRequest{f.vip_or_all()}}; }},
    {"events", [](Fields& f) { return Request{EventsRequest{f.flag("follow")}}; }},
    {"config_show", [](Fields& f) { return Request{ConfigShowRequest{f.flag("network")}}; }},
    {"check_list", [](Fields&) { return Request{CheckListRequest{}}; }},
    {"check_run", [](Fields& f) { return Request{CheckRunRequest{f.check()}}; }},
    {"maintenance", [](Fields& f) { return Request{f.maintenance()}; }},
    {"reload", [](Fields&) { return Request{ReloadRequest{}}; }},
}};

std::string unknown_request(const std::string& name) {
    std::string text = "unknown request " + in_quotes(name) + "; known are";
    for (const Kind& kind : kinds) {
        text += &kind == &kinds.front() ? " " : ", ";
        text += kind.name;
    }
    return text;
}

void write_vip_or_all(Document& document, const std::string& vip) {
    if (vip.empty()) {
        document["all"] = true;
    } else {
        document["vip"] = vip;
    }
}

void write_milliseconds(Document& document, const char* key, Duration time) {
    const auto us = time.count();
    if (us % 1000 == 0) {
        document[key] = us / 1000;
    } else {
        document[key] = static_cast<double>(us) / 1000.0;
    }
}

}  // namespace

std::string to_json(const Request& request) {
    Document document = Document::object();
    document["request"] = kinds.at(request.index()).name;
    std::visit(Overloaded{
                   [&](const StatusRequest& r) {
                       if (!r.vip.empty()) {
                           document["vip"] = r.vip;
                       }
                   },
                   [&](const WhyRequest& r) { document["vip"] = r.vip; },
                   [&](const FailoverRequest& r) {
                       write_vip_or_all(document, r.vip);
                       write_milliseconds(document, "timeout_ms", r.timeout);
                   },
                   [&](const TakeoverRequest& r) {
                       write_vip_or_all(document, r.vip);
                       document["force"] = r.force;
                   },
                   [&](const FailbackRequest& r) { write_vip_or_all(document, r.vip); },
                   [&](const EventsRequest& r) { document["follow"] = r.follow; },
                   [&](const ConfigShowRequest& r) {
                       if (r.network) {
                           document["network"] = true;
                       }
                   },
                   [](const ReloadRequest&) {},
                   [](const CheckListRequest&) {},
                   [&](const CheckRunRequest& r) { document["check"] = r.name; },
                   [&](const MaintenanceRequest& r) {
                       document["on"] = r.on;
                       if (r.expiry) {
                           write_milliseconds(document, "for_ms", *r.expiry);
                       }
                       write_milliseconds(document, "timeout_ms", r.timeout);
                   },
               },
               request);
    return document.dump(-1, ' ', false, Document::error_handler_t::replace);
}

std::expected<Request, std::string> parse_request(std::string_view line) {
    if (line.size() > longest_request) {
        return std::unexpected("the request is too long");
    }
    // The library takes a zero byte for the end, and what follows it would go unseen.
    if (const auto zero = line.find('\0'); zero != std::string_view::npos) {
        return std::unexpected(invalid_json(zero));
    }
    FlatObject object;
    if (!nlohmann::json::sax_parse(line, &object)) {
        return std::unexpected(object.error);
    }
    Fields fields{std::move(object.fields)};
    const auto name = fields.take<std::string>("request", "a text");
    if (!name) {
        fields.fail("the field \"request\" is missing");
        return std::unexpected(fields.error(""));
    }
    for (const Kind& kind : kinds) {
        if (*name != kind.name) {
            continue;
        }
        Request request = kind.read(fields);
        if (std::string error = fields.error(*name); !error.empty()) {
            return std::unexpected(std::move(error));
        }
        return request;
    }
    return std::unexpected(unknown_request(*name));
}

}  // namespace understudy::control
