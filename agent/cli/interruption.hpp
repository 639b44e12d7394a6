// Ctrl-C as something that can be waited for, while this lives.
#pragma once

#include <csignal>

#include "agent/client/connection.hpp"

namespace understudy::cli {

class Interruption {
public:
    Interruption();
    ~Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

    // Ready once SIGINT has come.
    client::Disturbance disturbance() const;

private:
    sigset_t before_{};
    int fd_ = -1;
};

}  // namespace understudy::cli
