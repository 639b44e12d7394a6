#include "agent/control/access.hpp"

namespace understudy::control {

bool is_question(const Request& request) {
    return std::holds_alternative<StatusRequest>(request) ||
           std::holds_alternative<WhyRequest>(request) ||
           std::holds_alternative<EventsRequest>(request) ||
           std::holds_alternative<CheckListRequest>(request);
}

}  // namespace understudy::control
