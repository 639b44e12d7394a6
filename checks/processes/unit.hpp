// Is a systemd unit active?
#pragma once

#include <memory>

#include "checks/processes/attempt.hpp"
#include "checks/processes/systemd_bus.hpp"

namespace understudy::checks {

std::unique_ptr<Attempt> start_unit_check(SystemdBus& bus, const Unit& unit, Finish finish);

}  // namespace understudy::checks
