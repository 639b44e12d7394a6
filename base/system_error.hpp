// Errors of system calls, in the one form that all messages have: "cannot open a netlink socket:
// Too many open files".
#pragma once

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace understudy {

// `what` says what could not be done, to what.
inline std::string system_error_text(const std::string& what, int error = errno) {
    return what + ": " + std::strerror(error);
}

[[noreturn]] inline void throw_system_error(const std::string& what, int error = errno) {
    throw std::runtime_error(system_error_text(what, error));
}

}  // namespace understudy
