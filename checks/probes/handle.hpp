// An attempt that is made of asynchronous steps.
//
// Its steps hold weak references to it: after the end of the attempt a step that was still queued
// finds nothing. `Steps` has close(), after which it calls nobody, and progress().
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "checks/processes/attempt.hpp"

namespace understudy::checks {

template <class Steps>
class Handle : public Attempt {
public:
    explicit Handle(std::shared_ptr<Steps> steps) : steps_(std::move(steps)) {}
    ~Handle() override { steps_->close(); }
    std::string progress() const override { return steps_->progress(); }

private:
    std::shared_ptr<Steps> steps_;
};

// The time that has passed since its making.
class Stopwatch {
public:
    Duration elapsed() const {
        return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start_);
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace understudy::checks
