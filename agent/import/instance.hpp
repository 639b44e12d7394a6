// A vrrp_instance as it was written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/import/reader.hpp"
#include "base/ip_address.hpp"

namespace understudy::importer {

// A word and where it stood; empty: it was not written.
struct Value {
    std::string text;
    Place place;
    std::string source;

    explicit operator bool() const { return !text.empty(); }
};

struct Address {
    Value value;            // as it is written in understudy.conf: address/length
    std::string interface;  // of "dev"; empty: the instance's
    bool advertised = true;
};

enum class TrackKind : std::uint8_t { interface, script, process, file };

struct Tracked {
    TrackKind kind = TrackKind::interface;
    std::string name;
    std::optional<int> weight;  // none: what the tracked object says
    bool reverse = false;
    Place place;
    std::string source;
    bool is_in_group = false;  // of a member of a sync group, whose weights do not count
};

struct Notify {
    std::string state;                 // master backup fault stop deleted, or any
    std::vector<std::string> command;  // one word: it may have arguments in it
    Place place;
    std::string source;
};

struct Instance {
    std::string name;
    Value start;  // the vrrp_instance line
    Value interface;
    Value vrid;
    Value priority;
    Value interval;
    Value version;
    Value state;
    Value preempt;  // the nopreempt line
    Value preempt_delay;
    Value accept;            // "yes" or "no"
    Value strict;            // "yes" or "no"
    Value message_checksum;  // v3_checksum_as_v2
    Value source_address;
    std::vector<Value> peers;
    std::optional<int> min_ttl;
    Value sent_ttl;  // unicast_ttl
    std::vector<Address> addresses;
    std::vector<Tracked> tracks;
    std::vector<Notify> notifies;
    Value authentication;  // its type
};

Instance read_instance(const Statement& statement, Notes& notes);

// track_interface, track_script, track_process, track_file { ... }; false if it is none of them.
bool read_tracks(const Statement& statement, std::vector<Tracked>& tracks, Notes& notes);
// notify, notify_master ...; false if it is none of them.
bool read_notify(const Statement& statement, std::vector<Notify>& notifies);

// The argument of a statement that has one.
Value value_of(const Statement& statement);
// on true yes, off false no; a keyword alone means yes.
bool is_on(const Statement& statement);
// keepalived's seconds, "0.5", as a duration; empty if it is none.
std::string seconds(const std::string& text);

}  // namespace understudy::importer
