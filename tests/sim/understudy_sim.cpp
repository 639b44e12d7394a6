// understudy-sim: histories of clusters under faults, thousands a second, on virtual time.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/variables_map.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <mutex>
#include <sstream>
#include <stop_token>
#include <string_view>
#include <thread>

#include "tests/sim/history.hpp"
#include "tests/sim/restored.hpp"

namespace {

namespace po = boost::program_options;
using namespace understudy;
using namespace understudy::sim;

constexpr int is_fine = 0;
constexpr int is_broken = 1;
constexpr int is_misused = 2;

struct Options {
    std::uint64_t seeds = 0;
    std::uint64_t from = 1;
    std::optional<std::uint64_t> seed;
    std::string replay;
    std::string save;
    int soak_hours = 0;
    bool trace = false;
    bool shrinks = false;
    bool restores = false;
    unsigned jobs = 1;
    unsigned most_findings = 10;
};

po::options_description description(Options& options) {
    po::options_description all("understudy-sim, one of --seeds, --seed, --soak, --replay");
    auto add = all.add_options();
    add("help,h", "this text");
    add("seeds", po::value(&options.seeds)->value_name("N"), "run N seeds, and tell what breaks");
    add("from", po::value(&options.from)->value_name("S"), "the first of them (1)");
    add("jobs,j", po::value(&options.jobs)->value_name("N"), "in so many threads (all cores)");
    add("findings", po::value(&options.most_findings)->value_name("N"), "stop after so many (10)");
    add("seed", po::value<std::uint64_t>()->value_name("S"), "run this one");
    add("soak", po::value(&options.soak_hours)->value_name("HOURS"),
        "one cluster (--from is its seed), a fault every 20 s: does its memory grow?");
    add("replay", po::value(&options.replay)->value_name("FILE"), "run the scenario of a file");
    add("trace", po::bool_switch(&options.trace), "tell the story");
    add("shrink", po::bool_switch(&options.shrinks),
        "leave away the faults that the finding does not need");
    add("restore", po::bool_switch(&options.restores),
        "of --seeds: replace Nodes by what is read back of their state; is it the same history?");
    add("save", po::value(&options.save)->value_name("FILE"), "write the scenario");
    return all;
}

void print_story(const StoryLine& line) {
    std::printf("%10.6f  %-4s  %s\n", static_cast<double>(line.at.count()) / 1e6,
                line.where.c_str(), line.text.c_str());
}

void print_finding(const std::string& name, const History& history) {
    const double at = static_cast<double>(history.finding->at.time_since_epoch().count()) / 1e6;
    std::printf("%s: %s after %.6f s: %s\n", name.c_str(), history.finding->rule.c_str(), at - 1000,
                history.finding->text.c_str());
}

int run_one(const Options& options, Scenario scenario, const std::string& name) {
    History history = run(scenario);
    if (options.shrinks && history.finding) {
        scenario = shrink(std::move(scenario), history.finding->rule);
    }
    if (!options.save.empty()) {
        std::ofstream(options.save) << to_text(scenario);
    }
    if (options.trace) {
        std::fputs(to_text(scenario).c_str(), stdout);
        history = run(scenario, print_story);
    } else {
        history = run(scenario);
    }
    if (history.finding) {
        print_finding(name, history);
        return is_broken;
    }
    std::printf("%s: nothing found, %llu steps, fingerprint %016llx\n", name.c_str(),
                static_cast<unsigned long long>(history.steps),
                static_cast<unsigned long long>(history.fingerprint));
    return is_fine;
}

// How far it is, on a terminal that can be drawn on again. Elsewhere what is printed is the
// findings and the end.
class Progress {
public:
    explicit Progress(std::function<std::string()> how_far) {
        const char* kind = std::getenv("TERM");
        if (isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string_view{kind} != "dumb") {
            thread_ = std::jthread(
                [this, told = std::move(how_far)](const std::stop_token& end) { draw(told, end); });
        }
    }

private:
    void draw(const std::function<std::string()>& how_far, const std::stop_token& end) {
        constexpr auto redrawn_every = std::chrono::milliseconds{200};
        std::unique_lock lock(mutex_);
        while (!ended_.wait_for(lock, end, redrawn_every, [] { return false; }) &&
               !end.stop_requested()) {
            std::fprintf(stderr, "\r\x1b[K%s", how_far().c_str());
        }
        std::fputs("\r\x1b[K", stderr);
    }

    std::mutex mutex_;
    std::condition_variable_any ended_;
    std::jthread thread_;  // the last, so that it ends before what it uses
};

std::string seeds_so_far(std::uint64_t done, std::uint64_t all, double seconds, unsigned findings) {
    const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
    const double left = rate > 0 ? static_cast<double>(all - std::min(done, all)) / rate : 0;
    std::array<char, 160> text{};
    std::snprintf(text.data(), text.size(),
                  "%llu of %llu seeds, %.0f a second, %.0f s left, %u findings",
                  static_cast<unsigned long long>(done), static_cast<unsigned long long>(all), rate,
                  left, findings);
    return text.data();
}

// Runs one(seed) for each of the seeds, on all threads, until there are findings enough.
void for_each_seed(const Options& options, const std::atomic<unsigned>& findings,
                   const std::function<void(std::uint64_t)>& one) {
    std::atomic<std::uint64_t> next{options.from};
    const auto work = [&] {
        while (findings < options.most_findings) {
            const std::uint64_t seed = next++;
            if (seed >= options.from + options.seeds) {
                return;
            }
            one(seed);
        }
    };
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(1U, options.jobs); ++i) {
        threads.emplace_back(work);
    }
}

int run_many(const Options& options) {
    const auto begun = std::chrono::steady_clock::now();
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> steps{0};
    std::atomic<unsigned> findings{0};
    std::mutex printing;
    const auto seconds = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    };
    {
        const Progress progress(
            [&] { return seeds_so_far(done, options.seeds, seconds(), findings); });
        for_each_seed(options, findings, [&](std::uint64_t seed) {
            const History history = run(make_scenario(seed));
            ++done;
            steps += history.steps;
            if (history.finding) {
                ++findings;
                const std::lock_guard lock(printing);
                print_finding("seed " + std::to_string(seed), history);
                std::fflush(stdout);
            }
        });
    }
    const double took = seconds();
    std::printf("%llu seeds, %llu steps, %.1f s, %.0f seeds/s: %u findings\n",
                static_cast<unsigned long long>(done.load()),
                static_cast<unsigned long long>(steps.load()), took,
                static_cast<double>(done.load()) / took, findings.load());
    return findings == 0 ? is_fine : is_broken;
}

// Each seed with Nodes that are replaced by what is read back of them, and without.
int restore_many(const Options& options) {
    std::atomic<std::uint64_t> times{0};
    std::atomic<unsigned> findings{0};
    std::mutex printing;
    for_each_seed(options, findings, [&](std::uint64_t seed) {
        const Restored restored = run_restored(make_scenario(seed));
        times += restored.times;
        if (restored.difference) {
            ++findings;
            const std::lock_guard lock(printing);
            std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
                        restored.difference->c_str());
        }
    });
    std::printf("%llu seeds, a Node was read back %llu times: %u findings\n",
                static_cast<unsigned long long>(options.seeds),
                static_cast<unsigned long long>(times.load()), findings.load());
    return findings == 0 && times > 0 ? is_fine : is_broken;
}

History run_soak(const Options& options, const Scenario& scenario,
                 std::vector<std::size_t>& in_use) {
    std::atomic<int> hours{0};
    const Progress progress([&] {
        return "hour " + std::to_string(hours) + " of " + std::to_string(options.soak_hours);
    });
    return run(scenario, {}, [&] {
        in_use.push_back(mallinfo2().uordblks);
        ++hours;
    });
}

// Bytes that are allocated and not freed, after every virtual hour: flat means that the last hours
// need no more than the first ones did.
int soak(const Options& options) {
    // The list of events that is kept fills up in its own time.
    constexpr std::size_t allowed_growth = std::size_t{256} * 1024;
    const Scenario scenario = make_long_scenario(options.from, options.soak_hours);
    std::vector<std::size_t> in_use;
    const History history = run_soak(options, scenario, in_use);
    if (history.finding) {
        print_finding("soak " + std::to_string(options.from), history);
        return is_broken;
    }
    const auto most = [&](std::size_t first, std::size_t last) {
        return *std::max_element(in_use.begin() + static_cast<std::ptrdiff_t>(first),
                                 in_use.begin() + static_cast<std::ptrdiff_t>(last));
    };
    const std::size_t half = in_use.size() / 2;
    if (half == 0) {
        std::cerr << "understudy-sim: a soak takes at least 2 hours\n";
        return is_misused;
    }
    const std::size_t before = most(0, half);
    const std::size_t after = most(half, in_use.size());
    std::printf(
        "%d hours, %zu nodes, %zu faults, %llu steps: at most %zu KiB in the first half, %zu "
        "KiB in the second\n",
        options.soak_hours, scenario.nodes.size(), scenario.faults.size(),
        static_cast<unsigned long long>(history.steps), before / 1024, after / 1024);
    return after <= before + allowed_growth ? is_fine : is_broken;
}

int replay(const Options& options) {
    std::ifstream file(options.replay);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) {
        std::cerr << options.replay << ": cannot be read\n";
        return is_misused;
    }
    auto scenario = parse(text.str());
    if (!scenario) {
        std::cerr << options.replay << ": " << scenario.error() << '\n';
        return is_misused;
    }
    return run_one(options, *std::move(scenario), options.replay);
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    options.jobs = std::thread::hardware_concurrency();
    const auto all = description(options);
    po::variables_map given;
    try {
        // No guessing: "--see" is neither "--seed" nor "--seeds".
        const int style =
            po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
        po::store(po::command_line_parser(argc, argv)
                      .options(all)
                      .positional(po::positional_options_description{})
                      .style(style)
                      .run(),
                  given);
        po::notify(given);
    } catch (const po::error& error) {
        std::cerr << "understudy-sim: " << error.what() << '\n';
        return is_misused;
    }
    if (given.count("seeds") + given.count("seed") + given.count("soak") + given.count("replay") >
        1) {
        std::cerr << "understudy-sim: one of --seeds, --seed, --soak, --replay\n";
        return is_misused;
    }
    if (given.contains("seed")) {
        const auto seed = given["seed"].as<std::uint64_t>();
        return run_one(options, make_scenario(seed), "seed " + std::to_string(seed));
    }
    if (!options.replay.empty()) {
        return replay(options);
    }
    if (options.soak_hours > 0) {
        return soak(options);
    }
    if (options.seeds > 0) {
        return options.restores ? restore_many(options) : run_many(options);
    }
    std::cout << all;
    return given.contains("help") ? is_fine : is_misused;
}
