//! How Java prints numbers, addresses and dates: clients of the four-letter words parse them.

use std::net::{IpAddr, SocketAddr};

/// As `Double.toString`: at least one decimal, and powers of ten below 0.001 and from 10⁷ on.
pub fn double(number: f64) -> String {
    let magnitude = number.abs();
    if number == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{number:?}");
    }
    if !number.is_finite() {
        return if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let scientific = format!("{number:E}");
    match scientific.split_once('E') {
        Some((digits, _)) if digits.contains('.') => scientific,
        Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
        None => scientific,
    }
}

/// As `InetSocketAddress.toString` of an address that was never looked up: `/127.0.0.1:2181`,
/// `/[0:0:0:0:0:0:0:1]:2181`.
pub fn socket_address(address: SocketAddr) -> String {
    format!("/{}", host_and_port(address))
}

/// As above, without the slash: what the admin commands print.
pub fn host_and_port(address: SocketAddr) -> String {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => format!("{ip}:{}", address.port()),
        IpAddr::V6(ip) => {
            let groups: Vec<String> = ip.segments().iter().map(|group| format!("{group:x}")).collect();
            format!("[{}]:{}", groups.join(":"), address.port())
        }
    }
}

/// As `Date.toString` in UTC: `Sun Nov 22 19:16:41 UTC 2026`, of milliseconds since 1970. (Java uses the server's own
/// time zone.)
pub fn date(milliseconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = milliseconds.div_euclid(1000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (weekday, month) = (DAYS[days.rem_euclid(7) as usize], MONTHS[month as usize]);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} UTC {year:04}")
}

/// As `Instant.toString`, to the millisecond: `2026-11-22T19:16:41.030Z`, of milliseconds since 1970.
pub fn instant(milliseconds: i64) -> String {
    let seconds = milliseconds.div_euclid(1000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let ((year, month, day), fraction) = (civil(days), milliseconds.rem_euclid(1000));
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z", month + 1)
}

/// Year, month (0 to 11) and day (1 to 31) of a day since 1 January 1970 in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the day that comes and goes is the last. 719,468 days lie between
    // 1 March of the year 0 and 1970; 146,097 days are 400 years.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = year_of_era + era * 400 + i64::from(month < 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Java 17 printed.
    #[test]
    fn numbers() {
        for (number, printed) in [
            (0.0, "0.0"),
            (2.375, "2.375"),
            (6.8, "6.8"),
            (0.0001, "1.0E-4"),
            (0.0015, "0.0015"),
            (0.001, "0.001"),
            (100.0, "100.0"),
            (1_234_567.25, "1234567.25"),
            (9_999_999.5, "9999999.5"),
            (1e7, "1.0E7"),
            (12_345_678.9, "1.23456789E7"),
            (-3e10, "-3.0E10"),
            (1e21, "1.0E21"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(number), printed);
        }
    }

    /// What Java 17 printed, or `date -u` for years that matter.
    #[test]
    fn dates() {
        for (milliseconds, printed) in [
            (0, "Thu Jan 01 00:00:00 UTC 1970"),
            (-1, "Wed Dec 31 23:59:59 UTC 1969"),
            (1_795_375_001_030, "Sun Nov 22 19:16:41 UTC 2026"),
            (951_782_400_000, "Tue Feb 29 00:00:00 UTC 2000"),
            (951_868_800_000, "Wed Mar 01 00:00:00 UTC 2000"),
            (4_107_542_400_000, "Mon Mar 01 00:00:00 UTC 2100"),
            (1_735_689_599_999, "Tue Dec 31 23:59:59 UTC 2024"),
        ] {
            assert_eq!(date(milliseconds), printed);
        }
        assert_eq!(instant(1_795_375_001_030), "2026-11-22T19:16:41.030Z");
        assert_eq!(instant(951_868_799_999), "2000-02-29T23:59:59.999Z");
        // No time of a clock is so far away that it could stop an answer.
        for extreme in [i64::MIN, i64::MAX] {
            assert!(date(extreme).contains(" UTC "));
        }
    }

    /// What Java 17 printed.
    #[test]
    fn addresses() {
        for (address, printed) in [
            ("127.0.0.1:5", "/127.0.0.1:5"),
            ("[::1]:5", "/[0:0:0:0:0:0:0:1]:5"),
            ("[fe80::1:2]:5", "/[fe80:0:0:0:0:0:1:2]:5"),
            ("[::ffff:1.2.3.4]:5", "/1.2.3.4:5"),
        ] {
            assert_eq!(address.parse().map(socket_address).as_deref(), Ok(printed));
        }
    }
}
