#include "agent/import/hooks.hpp"

namespace understudy::importer {

void add_hooks(const Instance& instance, Section&, Notes& notes) {
    for (const Notify& notify : instance.notifies) {
        notes.add(Severity::warning, notify.place,
                  notify.source +
                      ": this version runs no scripts on a change of state; follow `understudy "
                      "events --follow --json` instead");
    }
}

}  // namespace understudy::importer
