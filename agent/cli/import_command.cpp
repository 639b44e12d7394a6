// import: a keepalived.conf as our configuration, and what became of each of its lines.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "agent/cli/commands.hpp"
#include "agent/config/source.hpp"
#include "agent/import/convert.hpp"
#include "base/system_error.hpp"

namespace understudy::cli {

namespace {

using Document = nlohmann::ordered_json;
using importer::Note;

// keepalived's default for the id: the first part of the node's name.
std::string short_host_name() {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    const std::string name = host.data();
    return name.substr(0, name.find('.'));
}

std::optional<std::string> read(const std::string& file, const config::Surroundings& surroundings,
                                std::string& error) {
    if (file != "-") {
        return surroundings.read(file, error);
    }
    std::string text(config::largest_file + 1, '\0');
    std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::cin.gcount()));
    return text;
}

// Empty, or why not.
std::string write(const std::string& file, const std::string& text, bool over_another) {
    const auto mode = over_another ? std::ios::out : std::ios::out | std::ios::noreplace;
    errno = 0;
    std::ofstream out(file, mode);
    out << text << std::flush;
    if (out) {
        return {};
    }
    return errno == EEXIST ? file + ": is there already; --force replaces it"
                           : system_error_text("cannot write " + file);
}

std::string document_of(const importer::Result& result) {
    Document notes = Document::array();
    for (const Note& note : result.notes) {
        notes.push_back({{"file", note.place.file},
                         {"line", note.place.line},
                         {"severity", importer::name_of(note.severity)},
                         {"text", note.text}});
    }
    const Document document = {{"configuration", result.text},
                               {"vips", result.vips},
                               {"checks", result.checks},
                               {"complete", !result.has_error()},
                               {"notes", std::move(notes)}};
    return document.dump(-1, ' ', false, Document::error_handler_t::replace);
}

void tell(const importer::Result& result, bool quiet, const Console& console) {
    std::array<std::size_t, 4> counts{};
    for (const Note& note : result.notes) {
        ++counts.at(static_cast<std::size_t>(note.severity));
        if (quiet && note.severity == importer::Severity::converted) {
            continue;
        }
        console.err << harmless(fmt::format("{}: {}: {}", config::to_string(note.place),
                                            importer::name_of(note.severity), note.text))
                    << '\n';
    }
    console.err << fmt::format("{} VIPs and {} checks; {} warnings and {} errors\n", result.vips,
                               result.checks, counts.at(2), counts.at(3));
}

}  // namespace

int run_import(const Arguments& arguments, const Console& console) {
    const config::Surroundings surroundings = config::real_surroundings();
    const std::string& file = arguments.operands.front();
    std::string error;
    const auto text = read(file, surroundings, error);
    if (!text || text->size() > config::largest_file) {
        return console.fail(arguments.json, exit_failed,
                            file + ": " + (text ? "is larger than 1 MiB" : error));
    }
    const importer::Result result = importer::convert(
        file, *text, arguments.id.empty() ? short_host_name() : arguments.id, surroundings);
    if (!arguments.output.empty() && !result.text.empty()) {
        error = write(arguments.output, result.text, arguments.force);
        if (!error.empty()) {
            return console.fail(arguments.json, exit_failed, error);
        }
    }
    if (arguments.json) {
        console.out << document_of(result) << '\n';
    } else {
        tell(result, arguments.quiet, console);
        console.out << (arguments.output.empty() ? result.text : "");
    }
    const int status = console.written();
    return result.has_error() ? exit_failed : status;
}

}  // namespace understudy::cli
