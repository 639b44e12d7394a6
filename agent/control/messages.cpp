#include "agent/control/messages.hpp"

namespace understudy::control {

std::string_view name_of(State state) {
    constexpr std::array<std::string_view, 5> names = {"init", "backup", "promoting", "active",
                                                       "fault"};
    return names.at(static_cast<std::size_t>(state));
}

std::string_view name_of(Readiness readiness) {
    constexpr std::array<std::string_view, 3> names = {"hot", "cold", "unready"};
    return names.at(static_cast<std::size_t>(readiness));
}

std::string_view name_of(CheckState state) {
    constexpr std::array<std::string_view, 3> names = {"unknown", "up", "down"};
    return names.at(static_cast<std::size_t>(state));
}

std::string_view name_of(HookResult result) {
    constexpr std::array<std::string_view, 3> names = {"running", "done", "failed"};
    return names.at(static_cast<std::size_t>(result));
}

std::string_view name_of(ChangeKind kind) {
    constexpr std::array<std::string_view, 3> names = {"added", "removed", "changed"};
    return names.at(static_cast<std::size_t>(kind));
}

}  // namespace understudy::control
