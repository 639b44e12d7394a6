// A journal of bounded size: files of lines, the oldest of which is deleted when a new one begins.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "agent/host/file_descriptor.hpp"

namespace understudy::host {

class Segments {
public:
    struct Limits {
        std::size_t bytes = 4 * 1024 * 1024;  // of a file
        std::size_t files = 4;                // also of former agents
    };

    // Files events-NNNNNN.jsonl in `dir`, each beginning with `header`. Nothing is written yet.
    Segments(std::filesystem::path dir, std::string header, Limits limits);
    Segments(std::filesystem::path dir, std::string header)
        : Segments(std::move(dir), std::move(header), Limits{}) {}

    // A whole line or nothing of it. Returns what went wrong.
    std::string write(std::string_view line);
    // The same, as the first line of the next file. One that leaves it too little room is refused,
    // and the present file goes on.
    std::string begin_with(std::string_view line);
    bool has_room_for(std::string_view line) const {
        return file_.is_open() && written_ + line.size() + 1 <= limits_.bytes;
    }
    bool is_nearly_full() const { return file_.is_open() && written_ > limits_.bytes / 8 * 7; }
    std::size_t begun() const { return begun_; }  // so many files

private:
    std::string begin_file();
    std::string append(std::string_view line);

    std::filesystem::path dir_;
    std::string header_;
    Limits limits_;
    FileDescriptor file_;
    std::size_t written_ = 0;  // to the present file
    std::size_t begun_ = 0;
    std::string buffer_;  // a line with its end
};

}  // namespace understudy::host
