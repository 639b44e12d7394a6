// Where what judges a section puts what it finds.
#pragma once

#include <string>
#include <utility>

#include "agent/config/diagnostic.hpp"
#include "agent/config/keys.hpp"

namespace understudy::config {

class Complaints {
public:
    Complaints(const SectionRecord& record, Diagnostics& diagnostics)
        : record_(record), diagnostics_(diagnostics) {}
    Complaints(const VipDraft& vip, Diagnostics& diagnostics)
        : Complaints(vip.record, diagnostics) {}

    // At the line of the key, or of the section if the key was not written.
    void error(const std::string& key, std::string text) const {
        error_at(record_.place_of(key), std::move(text));
    }
    void warn(const std::string& key, std::string text) const {
        warn_at(record_.place_of(key), std::move(text));
    }
    void error_at(const Place& place, std::string text) const {
        diagnostics_.push_back({place, std::move(text), Severity::error});
    }
    void warn_at(const Place& place, std::string text) const {
        diagnostics_.push_back({place, std::move(text), Severity::warning});
    }

private:
    const SectionRecord& record_;
    Diagnostics& diagnostics_;
};

}  // namespace understudy::config
