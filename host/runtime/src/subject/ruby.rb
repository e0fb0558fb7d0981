# Does with ARGV what the program `ruby` does with its arguments, and ends the process.
-> do
  sources, libraries, finals, status = [], [], [], 0
  # Ruby runs these when it is taken down, which a library never is.
  Kernel.define_method(:at_exit) do |&block|
    finals << (block or raise ArgumentError, "called without block")
    block
  end
  attempt = lambda do |&work|
    work.call
  rescue SystemExit => exit
    status = exit.status
  rescue Exception => error
    places = error.backtrace
    error.set_backtrace(places.grep_v(/\Aeval:\d+:/)) if places
    $stderr.write(error.full_message(highlight: false))
    status = 1
  end
  attempt.call do
    while ARGV[0]&.match?(/\A-./)
      case option = ARGV.shift
      when "--" then break
      when /\A-e/m then sources << ($'.empty? ? ARGV.shift : $').to_s
      when /\A-r/ then libraries << ($'.empty? ? ARGV.shift : $').to_s
      when /\A-I/ then $:.unshift(*($'.empty? ? ARGV.shift : $').to_s.split(":"))
      when "-w", "-W", "-W2" then $VERBOSE = true
      when "-W0" then $VERBOSE = nil
      when /\A-[WE]/, "--disable-gems" then nil
      when "-v", "--version"
        puts RUBY_DESCRIPTION
        exit if ARGV.empty?
      else
        $stderr.puts "ruby: invalid option #{option}: there are -e, -r, -I, -w, -W and -v"
        exit 1
      end
    end
    libraries.each { |library| require library }
    if sources.any?
      $0 = "-e"
      eval(sources.join("\n"), TOPLEVEL_BINDING, "-e")
    elsif ARGV[0] && ARGV[0] != "-"
      load($0 = ARGV.shift)
    else
      ARGV.shift
      eval($stdin.read, TOPLEVEL_BINDING, $0 = "-")
    end
  end
  attempt.call { finals.pop.call } until finals.empty?
  $stdout.flush
  $stderr.flush
  exit!(status)
end.call
