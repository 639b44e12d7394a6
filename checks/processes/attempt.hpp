// One attempt of one check, and what all kinds of attempts have in common.
//
// start_attempt() begins to ask and returns at once; `finish` is called once, later, from the loop.
// It may destroy the attempt, so nothing of it is touched afterwards. Destroying an attempt ends
// it: sockets are closed, processes killed, and `finish` is not called any more. Whoever started it
// keeps the time: an attempt knows no deadline, but progress() says how far it has come, so that a
// time-out can be explained.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "checks/outcome.hpp"
#include "checks/settings.hpp"

namespace understudy::checks {

class Attempt {
public:
    Attempt() = default;
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    virtual ~Attempt() = default;

    // What it is doing: "connecting to 127.0.0.1:80", "waiting for the first byte".
    virtual std::string progress() const = 0;
    // Its time is over. True: it ends by itself soon, and calls `finish` then (a script, which is
    // asked to go before it is killed). False: it may be destroyed at once.
    virtual bool expire() { return false; }
};

using Finish = std::function<void(Outcome)>;

// A failure that needs no more words.
inline Outcome failure(std::string detail) {
    Outcome outcome;
    outcome.detail = std::move(detail);
    return outcome;
}

}  // namespace understudy::checks
