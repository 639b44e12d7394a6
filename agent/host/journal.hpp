// The lines that people read: to stderr, one for each event, written by a thread of its own so that
// a slow disk or a full pipe never delays a heartbeat. If the queue is full the oldest lines are
// dropped.
#pragma once

#include <string>

#include "agent/core/configuration.hpp"

namespace understudy::host {

// Under systemd (JOURNAL_STREAM) lines carry the journal's priority prefix and no time; elsewhere
// the time and the level. Call once.
void start_journal(core::LogLevel level);
// Writes out what is queued. No line may follow.
void stop_journal();

// For a thread that only writes files of this process's user. Capabilities belong to a thread: the
// others keep theirs.
void give_up_rights();

// Which lines are written from now on.
void set_log_level(core::LogLevel level);

void write_line(core::LogLevel level, const std::string& text);

}  // namespace understudy::host
