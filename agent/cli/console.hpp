// Where a command writes, and what stands there: passed in, so that tests read what people would
// see.
#pragma once

#include <chrono>
#include <ostream>
#include <string>
#include <string_view>

namespace understudy::cli {

struct Console {
    std::ostream& out;
    std::ostream& err;
    // One that can be drawn on again; TERM=dumb cannot.
    bool out_is_terminal = false;
    bool err_is_terminal = false;
    bool colours = false;
    int out_fd = -1;  // watched while nothing is written, to end when its reader has gone

    // {"error":"..."} on `out`, or a line on `err`. Gives back `status`.
    int fail(bool json, int status, const std::string& text) const;
    // The status of a command whose whole purpose is what it wrote.
    int written() const;
    // Waits for so long, or until nobody reads any more: a closed pipe, not a full disk. A watch
    // ends then, also while there is nothing to write.
    bool reader_has_gone(std::chrono::milliseconds wait = {}) const;
    // The status of one that ends when nobody reads any more, which is no error; a full disk is.
    int followed() const;

private:
    int failed_to_write() const;
};

// The standard streams of this process. Colours only on a terminal, and never with NO_COLOR.
Console standard_console();

// What a terminal would obey, and what is no UTF-8, is replaced by '?': what is shown was written
// by the agent, partly about what its peers and the servers that it checks sent. harmless_text
// keeps line breaks.
std::string harmless(std::string_view text);
std::string harmless_text(std::string_view text);

}  // namespace understudy::cli
