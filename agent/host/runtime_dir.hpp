// The runtime directory: the lock that keeps a second agent out, and who may come near the socket.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "agent/host/file_descriptor.hpp"

namespace understudy::host {

// The members of this group may command the agent, as root may; if it exists.
inline constexpr const char* control_group = "understudy";
// The members of this one may ask it, and nothing more; where it does not exist, the former.
inline constexpr const char* status_group = "understudy-status";

// Creates the directory (0751, root:understudy: whoever is let through a socket has to get there)
// if it is not there, and locks it for as long as the descriptor lives. An error says what is
// wrong, also that another agent runs there.
std::expected<FileDescriptor, std::string> claim_runtime_dir(const std::filesystem::path& dir);

// Mode and group for a socket: 0660 root:understudy, or 0600 where the group does not exist.
std::string restrict_access(const std::filesystem::path& path, unsigned mode,
                            const char* group = control_group);

}  // namespace understudy::host
