// Whether checks and services are whole, and whether what names them is right.
#pragma once

#include <vector>

#include "agent/config/check_keys.hpp"
#include "agent/config/diagnostic.hpp"
#include "agent/config/keys.hpp"
#include "agent/config/service_keys.hpp"

namespace understudy::config {

void validate_check(const CheckDraft& check, Diagnostics& diagnostics);
void validate_service(const ServiceDraft& service, Diagnostics& diagnostics);

// The references between the sections of a node.
void validate_references(const std::vector<VipDraft>& vips,
                         const std::vector<ServiceDraft>& services,
                         const std::vector<CheckDraft>& checks, Diagnostics& diagnostics);

}  // namespace understudy::config
