// Credentials and certificates, read once while the prober may still read what only root can. It
// then becomes a user without rights, and uses these copies; a changed file counts from the next
// start of the prober.
//
// Each file is read by a process of its own: a file system that hangs keeps that process, and not
// the prober. What it reads in the end counts from then on.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <string>

#include "checks/settings.hpp"

namespace understudy::checks {

inline constexpr std::size_t longest_file = 1U << 20;

// The file with the authorities that this system trusts.
std::string system_authorities();

class LoadedFiles {
public:
    struct File {
        std::string content;
        std::string error;  // "/etc/x: permission denied"; empty: it was read
    };

    explicit LoadedFiles(boost::asio::io_context& context) : context_(context) {}
    LoadedFiles(const LoadedFiles&) = delete;
    LoadedFiles& operator=(const LoadedFiles&) = delete;
    ~LoadedFiles();

    // Every file that the question needs.
    void name(const Question& question);
    // Reads those that were named; what fails is kept as the reason. Waits for at most `limit`: the
    // rest comes when the loop runs. There are no threads yet.
    void read(std::chrono::milliseconds limit);
    // A file that was never named has the error "was not read".
    const File& at(const std::string& path) const;

private:
    struct Reader {
        Reader(boost::asio::io_context& context, std::string its_path)
            : path(std::move(its_path)), pipe(context) {}
        std::string path;
        pid_t process = -1;
        boost::asio::posix::stream_descriptor pipe;
        std::string received;
    };
    using Place = std::list<Reader>::iterator;

    void name(const std::string& path);
    void start(const std::string& path);
    bool receive(Reader& reader);
    void finish(Place reader);
    void wait(Place reader);

    boost::asio::io_context& context_;
    std::map<std::string, File> files_;
    std::list<Reader> readers_;  // those that are not done
};

}  // namespace understudy::checks
