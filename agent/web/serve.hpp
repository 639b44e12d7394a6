// The whole of `understudy serve`: listens, serves until SIGTERM or SIGINT.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "agent/web/listen_address.hpp"

namespace understudy::web {

struct ServeSettings {
    std::filesystem::path runtime_dir;
    std::vector<ListenAddress> listen;
    std::vector<std::string> peers;  // the same of other nodes, as URLs
    std::vector<std::string> hosts;  // names by which readers may ask for it
};

// Empty if it was told to end; otherwise why it could not begin. What people should know goes to
// `notes`, a line each.
std::string serve(const ServeSettings& settings, std::ostream& notes);

}  // namespace understudy::web
