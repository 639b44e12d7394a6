// The keys of a [service] section.
#pragma once

#include <string>
#include <vector>

#include "agent/config/keys.hpp"

namespace understudy::config {

struct ServiceDraft {
    core::ServiceSettings settings;
    std::vector<Place> check_places;  // of each of its checks
    SectionRecord record;
};

const std::vector<Key<ServiceDraft>>& service_keys();

const std::vector<std::string>& standby_words();  // auto, hot, cold

}  // namespace understudy::config
