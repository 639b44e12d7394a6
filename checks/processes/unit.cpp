#include "checks/processes/unit.hpp"

#include <utility>

namespace understudy::checks {

namespace {

class UnitAttempt : public Attempt {
public:
    UnitAttempt(SystemdBus& bus, const Unit& unit, Finish finish)
        : bus_(bus), name_(unit.name), finish_(std::move(finish)) {
        ticket_ = bus_.unit_state(name_, [this](const SystemdBus::Answer& answer) {
            Outcome outcome;
            outcome.passed = answer.active == "active" || answer.active == "reloading";
            outcome.detail = answer.error.empty()
                                 ? name_ + " is " + answer.active + " (" + answer.sub + ')'
                                 : answer.error;
            const Finish done = std::move(finish_);
            done(std::move(outcome));
        });
    }
    ~UnitAttempt() override { bus_.forget(ticket_); }

    std::string progress() const override { return "waiting for the service manager"; }

private:
    SystemdBus& bus_;
    std::string name_;
    Finish finish_;
    SystemdBus::Ticket ticket_ = 0;
};

}  // namespace

std::unique_ptr<Attempt> start_unit_check(SystemdBus& bus, const Unit& unit, Finish finish) {
    return std::make_unique<UnitAttempt>(bus, unit, std::move(finish));
}

}  // namespace understudy::checks
