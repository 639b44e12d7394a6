// Where the checks of a VIP put what they find.
#pragma once

#include <string>
#include <utility>

#include "agent/config/diagnostic.hpp"
#include "agent/config/keys.hpp"

namespace understudy::config {

class Complaints {
public:
    Complaints(const VipDraft& vip, Diagnostics& diagnostics)
        : vip_(vip), diagnostics_(diagnostics) {}

    // At the line of the key, or of the section if the key was not written.
    void error(const std::string& key, std::string text) const {
        error_at(vip_.record.place_of(key), std::move(text));
    }
    void warn(const std::string& key, std::string text) const {
        warn_at(vip_.record.place_of(key), std::move(text));
    }
    void error_at(const Place& place, std::string text) const {
        diagnostics_.push_back({place, std::move(text), Severity::error});
    }
    void warn_at(const Place& place, std::string text) const {
        diagnostics_.push_back({place, std::move(text), Severity::warning});
    }

private:
    const VipDraft& vip_;
    Diagnostics& diagnostics_;
};

}  // namespace understudy::config
