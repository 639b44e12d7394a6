// A vrrp_instance -> a [vip] section that speaks to a keepalived peer as before.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/import/checks.hpp"
#include "agent/import/instance.hpp"
#include "agent/import/sections.hpp"

namespace understudy::importer {

// Of global_defs, what all instances have unless they say otherwise.
struct Defaults {
    int version = 2;
    bool strict = false;
    Value startup_delay;
    bool message_checksum = false;
    bool has_script_user = false;
};

// The version that it speaks: IPv6 has version 3 only.
int version_of(const Instance& instance, const Defaults& defaults);
// The family that it advertises; nothing if its first address is none.
std::optional<Family> family_of(const Instance& instance);
int priority_of(const Instance& instance);
// As our configuration writes it, in the steps of the version.
std::string interval_of(const Instance& instance, int version);

// Another family of the same virtual router may come with it, as `other`.
Section make_vip(const Instance& instance, const Instance* other, const Defaults& defaults,
                 Checks& checks, Notes& notes);

}  // namespace understudy::importer
